import Host

/// Which ranks share a host.
package struct HostMap: Equatable, Sendable {
  /// The host of each rank; hosts are numbered in the order of their first rank.
  package let hosts: [Int]
  /// The ranks of each host, ascending.
  package let ranks: [[Int]]

  /// A map of ranks whose hosts have these names, rank 0 first.
  package init(names: [some Hashable]) {
    var numbers: [AnyHashable: Int] = [:]
    var hosts: [Int] = []
    var ranks: [[Int]] = []
    for (rank, name) in names.enumerated() {
      let host = numbers[name] ?? ranks.count
      if host == ranks.count {
        numbers[name] = host
        ranks.append([])
      }
      hosts.append(host)
      ranks[host].append(rank)
    }
    (self.hosts, self.ranks) = (hosts, ranks)
  }

  /// The map of a world, by the names that its hosts give themselves; collective.
  ///
  /// Hosts of one name count as one: slower than it could be, and right all the same.
  package static func find(_ communicator: any Communicator, name: String = Machine.host) throws -> HostMap {
    let own = Array(name.utf8)
    let counts = try communicator.gatherCounts(own.count)
    let total = counts.reduce(0, +)
    let all = try [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
      count = total
      let target = UnsafeMutableBufferPointer(rebasing: buffer[..<total])
      try own.withUnsafeBufferPointer { try communicator.allGather($0, into: target, counts: counts) }
    }
    var start = 0
    return HostMap(
      names: counts.map { count in
        defer { start += count }
        return Array(all[start..<(start + count)])
      })
  }

  /// Messages to other hosts that a rank saves in each exchange when its host sends as one; the fewest of all ranks, and fewer still on
  /// a host that has fewer ranks than others.
  package var savedMessages: Int {
    ranks.map { hosts.count - $0.count - (ranks.count - 1) }.min() ?? 0
  }
}

/// Who carries whose messages between hosts, as one rank sees it.
///
/// A message from host A to rank q of host B is relayed by one rank of A, so that each pair of a host and a rank has one: the rank of A whose
/// place on its host is q's on B, counted round when A has fewer. So carrying is shared evenly between the ranks of a host, and every rank's
/// core and connection are in use.
struct RelayPlan {
  /// This rank's host: its ranks, ascending, this one included.
  let host: [Int]
  /// The others of the host, beginning with the next: so that no rank gets all messages at once.
  let neighbors: [Int]
  /// For each rank of the host, in the order of `host`, whom it carries to; ascending.
  let relayedBy: [[Int]]
  /// Whom this rank carries to, beginning with the next; they are also those whose spread segments come to this rank.
  let relayed: [Int]
  /// Who brings this rank its messages, one for each other host, beginning with the next, and the ranks of that host.
  let relays: [(rank: Int, host: [Int])]
  /// This rank's place in `host`.
  let place: Int
  /// The ranks of the other hosts, beginning with the next.
  let strangers: [Int]

  init(_ map: HostMap, rank: Int) {
    let size = map.hosts.count
    let own = map.hosts[rank]
    let host = map.ranks[own]
    let places = (0..<size).map { other in map.ranks[map.hosts[other]].firstIndex(of: other) ?? 0 }
    let others = (1..<size).map { (rank + $0) % size }
    self.host = host
    place = places[rank]
    strangers = others.filter { map.hosts[$0] != own }
    neighbors = others.filter { map.hosts[$0] == own }
    relayedBy = host.indices.map { place in
      (0..<size).filter { map.hosts[$0] != own && places[$0] % host.count == place }
    }
    relayed = others.filter { map.hosts[$0] != own && places[$0] % host.count == places[rank] }
    relays = others.compactMap { other in
      let there = map.ranks[map.hosts[other]]
      guard map.hosts[other] != own, places[other] == places[rank] % there.count else { return nil }
      return (other, there)
    }
  }
}
