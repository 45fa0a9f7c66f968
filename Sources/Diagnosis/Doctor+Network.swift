import Host

extension Doctor {
  /// The interfaces between hosts, and the one that Open MPI was told to use.
  static func networkFindings(_ facts: [RankFacts]) -> [Finding] {
    let names = text(facts[0].interfaces.filter { $0.name != "lo" })
    guard facts[0].isProcess, hosts(facts).count > 1 else {
      return [Finding("network", "one host: messages stay in memory\(names.isEmpty ? "" : "; interfaces \(names)")")]
    }
    guard facts[0].library.hasPrefix("Open MPI") else { return [Finding("network", names)] }
    if let chosen = facts[0].variables["OMPI_MCA_btl_tcp_if_include"] { return [chosenFinding(facts, chosen)] }
    let excluded = facts[0].variables["OMPI_MCA_btl_tcp_if_exclude"].map(list) ?? []
    for rank in facts {
      let misleading = rank.interfaces.filter { $0.isLocalOnly && $0.name != "lo" && !excluded.contains($0.name) }
      guard let other = rank.interfaces.first(where: { !$0.isLocalOnly }), !misleading.isEmpty else { continue }
      return [
        Finding(
          "network", "\(rank.host) has \(text(misleading)), which other hosts cannot reach", .notice,
          remedy:
            "export OMPI_MCA_btl_tcp_if_include=\(other.name) (and start mpirun with --mca oob_tcp_if_include \(other.name) on "
            + "Open MPI 4), or the first message may wait for ever")
      ]
    }
    return [Finding("network", names)]
  }

  private static func chosenFinding(_ facts: [RankFacts], _ chosen: String) -> Finding {
    // An address range is for MPI to resolve.
    let wanted = list(chosen).filter { !$0.contains("/") }
    for rank in facts {
      let present = rank.interfaces.map(\.name)
      guard let missing = wanted.first(where: { !present.contains($0) }) else { continue }
      return Finding(
        "network", "btl_tcp_if_include names \(missing), which \(rank.host) does not have", .wrong,
        remedy: "name one of \(present.joined(separator: ", ")), or the hosts' common range such as 10.0.0.0/24")
    }
    return Finding("network", "\(chosen) by btl_tcp_if_include")
  }

  /// Whether ranks of a host can copy long messages in one step; containers forbid it.
  static func singleCopyFindings(_ facts: [RankFacts], refused: [Int]) -> [Finding] {
    guard let rank = refused.first else {
      return hosts(facts).contains { $0.ranks.count > 1 }
        ? [Finding("single copy", "ranks of a host may read each other's memory")] : []
    }
    let found = "rank \(rank) may not read the memory of its neighbor on \(facts[rank].host)"
    let variables = facts[rank].variables
    let isOff =
      variables["OMPI_MCA_btl_vader_single_copy_mechanism"] == "none" || variables["OMPI_MCA_smsc"] != nil
      || !facts[rank].library.hasPrefix("Open MPI")
    guard !isOff else { return [Finding("single copy", "\(found), and MPI does not try to")] }
    return [
      Finding(
        "single copy", "\(found): long messages may wait for ever, and are not measured", .wrong,
        remedy: "export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_smsc=^cma, or start the container with "
          + "--cap-add SYS_PTRACE")
    ]
  }

  /// What messages cost, as measured.
  static func wireFindings(_ speed: WireSpeed, _ facts: [RankFacts]) -> [Finding] {
    let microseconds = Int((speed.barrier * 1e6).rounded())
    var findings = [
      speed.barrier < 2e-3
        ? Finding("barrier", "\(microseconds) µs")
        : Finding(
          "barrier", "\(microseconds) µs", .notice, remedy: "give each rank a core of its own, or look at the network's latency")
    ]
    for line in speed.lines {
      let rate = line.seconds > 0 ? line.sent / line.seconds / 1e9 : 0
      let name = "\(line.name) \(line.bytes >> 20) MiB"
      let found = "\(decimal(line.seconds * 1e3)) ms, \(decimal(rate)) GB/s out of a rank"
      let isSlow = line.bytes > 4 << 20 && rate < 0.1
      findings.append(
        isSlow
          ? Finding(name, found, .notice, remedy: slowness(facts))
          : Finding(name, found))
    }
    return findings
  }

  private static func slowness(_ facts: [RankFacts]) -> String {
    hosts(facts).count > 1
      ? "use a faster network, fewer hosts, or compute.gradient_wire: bf16"
      : "give each rank a core of its own, and nothing beside it"
  }

  private static func list(_ value: String) -> [String] { value.split(separator: ",").map(String.init) }

  private static func text(_ interfaces: [NetworkInterface]) -> String {
    interfaces.map { "\($0.name) \($0.address)" }.joined(separator: ", ")
  }

  private static func decimal(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
