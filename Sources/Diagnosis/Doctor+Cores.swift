extension Doctor {
  /// Whether every rank, and every thread of it, has a core of its own.
  static func coreFindings(_ facts: [RankFacts]) -> [Finding] {
    var findings: [Finding] = []
    for host in hosts(facts) {
      let wanted = host.ranks.map(\.threads).reduce(0, +)
      if let crowd = crowd(host.ranks, weight: { _ in 1 }) {
        findings.append(
          Finding(
            "cores",
            "\(names(crowd.ranks)) share core\(crowd.cores.count == 1 ? "" : "s") \(CoreList.text(crowd.cores)) of \(host.name)",
            .wrong,
            mend: host.ranks[0].isProcess
              ? "start mpirun with --bind-to none (it pins ranks to cores by itself), or fewer ranks on this host"
              : "start fewer ranks: --ranks \(crowd.cores.count)"))
      } else if let crowd = crowd(host.ranks, weight: \.threads) {
        let threads = crowd.ranks.map(\.threads).reduce(0, +)
        findings.append(
          Finding(
            "cores",
            "\(names(crowd.ranks)) with \(threads) threads may use core\(crowd.cores.count == 1 ? "" : "s") "
              + "\(CoreList.text(crowd.cores)) of \(host.name)",
            .notice, mend: "start mpirun with --bind-to none, or with --map-by slot:PE=\(host.ranks[0].threads) --bind-to core"))
      } else if let quota = host.ranks.compactMap(\.quota).min(), quota + 0.01 < Double(wanted) {
        findings.append(
          Finding(
            "cores", "the container on \(host.name) allows \(tenths(quota)) cores' worth of time to \(wanted) threads", .notice,
            mend: "start fewer ranks there, or raise its limit of CPUs"))
      }
    }
    guard findings.isEmpty else { return findings }
    let threads = facts.map(\.threads).reduce(0, +)
    let cores = hosts(facts).map { CoreList.text($0.ranks.flatMap(\.cores)) }
    return [Finding("cores", "\(threads) thread\(threads == 1 ? "" : "s") on cores \(cores.joined(separator: " / "))")]
  }

  /// Ranks that together want more cores than they may use: the smallest such set of cores that is some ranks' whole mask.
  ///
  /// Masks that launchers make lie inside each other or apart; for those this finds every crowd.
  private static func crowd(_ ranks: [RankFacts], weight: (RankFacts) -> Int) -> (ranks: [RankFacts], cores: Set<Int>)? {
    let masks = Set(ranks.map { Set($0.cores) } + [Set(ranks.flatMap(\.cores))]).filter { !$0.isEmpty }
    for mask in masks.sorted(by: { ($0.count, $0.min() ?? 0) < ($1.count, $1.min() ?? 0) }) {
      let inside = ranks.filter { mask.isSuperset(of: $0.cores) }
      if inside.map(weight).reduce(0, +) > mask.count { return (inside, mask) }
    }
    return nil
  }

  private static func names(_ ranks: [RankFacts]) -> String {
    "rank\(ranks.count == 1 ? "" : "s") \(CoreList.text(ranks.map(\.rank)))"
  }

  private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
