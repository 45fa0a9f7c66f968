import Host

extension Doctor {
  /// Whether every rank has a core of its own: it is one thread that computes.
  static func coreFindings(_ facts: [RankFacts]) -> [Finding] {
    let findings = hosts(facts).compactMap { coreProblem($0.ranks, of: $0.name) }
    guard findings.isEmpty else { return findings }
    let cores = hosts(facts).map { CoreList.text($0.ranks.flatMap(\.cores)) }
    return [Finding("cores", "\(facts.count) rank\(facts.count == 1 ? "" : "s") on cores \(cores.joined(separator: " / "))")]
  }

  private static func coreProblem(_ ranks: [RankFacts], of host: String) -> Finding? {
    if let crowd = crowd(ranks) {
      return Finding(
        "cores",
        "\(names(crowd.ranks)) share core\(crowd.cores.count == 1 ? "" : "s") \(CoreList.text(crowd.cores)) of \(host)",
        .wrong,
        remedy: !ranks[0].isProcess
          ? "start fewer ranks: --ranks \(crowd.cores.count)"
          : mayBePinned(crowd.ranks, to: crowd.cores)
            ? "start mpirun with --bind-to none (it pins ranks to cores by itself), or fewer ranks on this host"
            : "start fewer ranks on this host")
    }
    guard let quota = ranks.compactMap(\.quota).min(), quota + 0.01 < Double(ranks.count) else { return nil }
    return Finding(
      "cores", "the container on \(host) allows \(tenths(quota)) cores' worth of time to \(ranks.count) ranks", .notice,
      remedy: "start fewer ranks there, or raise its limit of CPUs")
  }

  /// Whether a launcher may have pinned ranks to cores: not where they have all that the machine has, or where it was told not to.
  private static func mayBePinned(_ ranks: [RankFacts], to cores: Set<Int>) -> Bool {
    let isTold = ranks.contains { $0.variables["OMPI_MCA_hwloc_base_binding_policy"] == "none" }
    return !isTold && ranks.allSatisfy { $0.onlineCores.map { $0 > cores.count } ?? true }
  }

  /// More ranks than the cores that they may use: the smallest such set of cores that is some ranks' whole mask.
  ///
  /// Masks that launchers make lie inside each other or apart; for those this finds every crowd.
  private static func crowd(_ ranks: [RankFacts]) -> (ranks: [RankFacts], cores: Set<Int>)? {
    let masks = Set(ranks.map { Set($0.cores) } + [Set(ranks.flatMap(\.cores))]).filter { !$0.isEmpty }
    for mask in masks.sorted(by: { ($0.count, $0.min() ?? 0) < ($1.count, $1.min() ?? 0) }) {
      let inside = ranks.filter { mask.isSuperset(of: $0.cores) }
      if inside.count > mask.count { return (inside, mask) }
    }
    return nil
  }

  private static func names(_ ranks: [RankFacts]) -> String {
    "rank\(ranks.count == 1 ? "" : "s") \(CoreList.text(ranks.map(\.rank)))"
  }

  private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
