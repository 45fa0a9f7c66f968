extension Doctor {
  /// Memory and the kernel's limits; the host that is worst off speaks for all.
  static func machineFindings(_ facts: [RankFacts]) -> [Finding] {
    [memoryFinding(facts), hugePageFinding(facts), fileFinding(facts)] + processFindings(facts)
  }

  private static func memoryFinding(_ facts: [RankFacts]) -> Finding {
    let shares = hosts(facts).map { host in
      (host: host.name, free: host.ranks.map(\.memory).min() ?? 0, ranks: host.ranks.count)
    }
    guard let least = shares.min(by: { $0.free / $0.ranks < $1.free / $1.ranks }) else { return Finding("memory", "unknown") }
    let found = "\(gibibytes(least.free)) GiB free on \(least.host), \(gibibytes(least.free / least.ranks)) GiB a rank"
    guard least.free / least.ranks < 1 << 29 else { return Finding("memory", found) }
    return Finding(
      "memory", found, .notice, remedy: "start fewer ranks on this host: precise check says what a configuration takes")
  }

  private static func hugePageFinding(_ facts: [RankFacts]) -> Finding {
    guard let rank = facts.first(where: { $0.hugePages != "always" }) else { return Finding("huge pages", "always") }
    return Finding(
      "huge pages", "\(rank.hugePages ?? "none") on \(rank.host)", .notice,
      remedy: "as root: echo always > /sys/kernel/mm/transparent_hugepage/enabled; rows of large tables are then found sooner")
  }

  /// A rank holds its shards' files, a checkpoint's, and with TCP a connection to every other rank.
  private static func fileFinding(_ facts: [RankFacts]) -> Finding {
    let least = facts.compactMap(\.openFiles).min() ?? .max
    let needed = 512 + 4 * facts.count
    guard least < needed else { return Finding("open files", least == .max ? "unlimited" : "\(least)") }
    return Finding(
      "open files", "\(least) at most", .notice, remedy: "ulimit -n \(max(needed, 4096)) before the start, on every host")
  }

  private static func processFindings(_ facts: [RankFacts]) -> [Finding] {
    guard facts[0].isProcess else { return [] }
    var findings: [Finding] = []
    for host in hosts(facts) where host.ranks.count > 1 {
      // Open MPI and MPICH give each rank some megabytes there.
      let needed = host.ranks.count << 24
      let free = host.ranks.compactMap(\.sharedMemory).min() ?? 0
      if free < needed {
        findings.append(
          Finding(
            "/dev/shm", "\(free >> 20) MiB free on \(host.name) for \(host.ranks.count) ranks", .notice,
            remedy: "give the container more (--shm-size \(needed >> 20)m, or a memory volume at /dev/shm)"))
      }
    }
    if findings.isEmpty, let free = facts.compactMap(\.sharedMemory).min() {
      findings.append(Finding("/dev/shm", "\(free >> 20) MiB free"))
    }
    if let rank = facts.first(where: { $0.hasRemoteMemory && $0.lockedMemory != .max }) {
      findings.append(
        Finding(
          "locked memory", "\((rank.lockedMemory ?? 0) >> 10) KiB at most on \(rank.host), which has an RDMA network", .notice,
          remedy: "ulimit -l unlimited for the launcher's daemons, or messages fall back to TCP"))
    }
    return findings
  }

  private static func gibibytes(_ bytes: Int) -> String { "\((Double(bytes) / Double(1 << 30) * 10).rounded() / 10)" }
}
