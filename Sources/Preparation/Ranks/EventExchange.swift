import Collectives
import Files

/// Brings events from the ranks that read them to the ranks whose shards their users are in.
///
/// A rank has consecutive shards. It numbers its users in the order in which one rank would: rank 0's in its order, then the new ones of
/// rank 1, and so on; only the order within a shard shows in a data set. Users travel first, once a rank; then events, in blocks.
struct EventExchange {
  /// Events of a block, at most (ours: 6 MiB).
  private static let blockEvents = 1 << 18

  /// The users of this rank's shards.
  let users: UserTable
  /// How many of them the data set has that is appended to: those that come first.
  private(set) var knownUsers = 0
  private let communicator: any Communicator
  /// For each user that this rank read, the rank whose shard it is in and the place among those that it gets from here.
  private var addresses: [(owner: UInt16, place: UInt32)] = []
  /// For each rank, the numbers in `users` of the users that came from it.
  private var arrived: [[UInt32]] = []

  /// Sends the users to the ranks of their shards; collective.
  ///
  /// - Parameters:
  ///   - read: the users that this rank has read.
  ///   - known: how many of them are known, which come first.
  init(_ read: UserTable, known: Int, on communicator: any Communicator) throws {
    self.communicator = communicator
    users = UserTable(shardCount: read.shardCount)
    var lists = [NameList](repeating: NameList(), count: communicator.size)
    var knownOf = [Int](repeating: 0, count: communicator.size)
    let owners = (0..<communicator.size).flatMap { rank in
      ShardShare.shards(of: rank, ranks: communicator.size, count: read.shardCount).map { _ in rank }
    }
    addresses.reserveCapacity(read.count)
    for user in 0..<read.count {
      let owner = owners[read.shard(user)]
      addresses.append((UInt16(owner), UInt32(lists[owner].lengths.count)))
      lists[owner].append(read[user])
      if user < known { knownOf[owner] += 1 }
    }
    let knownFrom = try communicator.exchangeCounts(knownOf)
    for (rank, list) in try exchange(lists).enumerated() {
      var numbers: [UInt32] = []
      numbers.reserveCapacity(list.lengths.count)
      try list.forEach { id in
        numbers.append(UInt32(try users.intern(id)))
        if numbers.count == knownFrom[rank] { knownUsers = users.count }
      }
      arrived.append(numbers)
    }
  }

  /// Sends the events after them, with common numbers; collective.
  ///
  /// `sorter` has a lane for each rank.
  func send(
    _ log: EventLog, items: CommonNumbers, scenes: CommonNumbers, behaviors: CommonNumbers, to sorter: EventSorter
  ) throws {
    let blocks = try communicator.gatherCounts((log.count + Self.blockEvents - 1) / Self.blockEvents).max() ?? 0
    var sent = [EventRecord](repeating: EventRecord(time: 0, user: 0, item: 0, scene: 0, behavior: 0), count: Self.blockEvents)
    for _ in 0..<blocks {
      let block = try log.take(Self.blockEvents)
      var counts = [Int](repeating: 0, count: communicator.size)
      for event in block { counts[Int(addresses[Int(event.user)].owner)] += 1 }
      var next = counts.indices.map { counts[..<$0].reduce(0, +) }
      for event in block {
        let (owner, place) = addresses[Int(event.user)]
        sent[next[Int(owner)]] = EventRecord(
          time: event.time, user: place, item: UInt32(items.number(Int(event.item))),
          scene: UInt16(scenes.number(Int(event.scene))), behavior: UInt16(behaviors.number(Int(event.behavior))))
        next[Int(owner)] += 1
      }
      try exchange(sent, counts, to: sorter)
    }
  }

  private func exchange(_ sent: [EventRecord], _ counts: [Int], to sorter: EventSorter) throws {
    let arriving = try communicator.exchangeCounts(counts)
    var received = try received(sent, counts, arriving)
    var start = 0
    for (lane, count) in arriving.enumerated() {
      for index in start..<start + count { received[index].user = arrived[lane][Int(received[index].user)] }
      try received.withUnsafeBufferPointer {
        try sorter.append(UnsafeBufferPointer(rebasing: $0[start..<start + count]), lane: lane)
      }
      start += count
    }
  }

  /// Lists for each rank become lists from each rank.
  private func exchange(_ lists: [NameList]) throws -> [NameList] {
    let names = try communicator.exchangeCounts(lists.map(\.lengths.count))
    let sizes = try communicator.exchangeCounts(lists.map(\.bytes.count))
    var lengths = try received(lists.flatMap(\.lengths), lists.map(\.lengths.count), names)[...]
    var bytes = try received(lists.flatMap(\.bytes), lists.map(\.bytes.count), sizes)[...]
    return (0..<communicator.size).map { rank in
      defer { (lengths, bytes) = (lengths.dropFirst(names[rank]), bytes.dropFirst(sizes[rank])) }
      return NameList(lengths: Array(lengths.prefix(names[rank])), bytes: Array(bytes.prefix(sizes[rank])))
    }
  }

  private func received<Element: BitwiseCopyable>(_ sent: [Element], _ counts: [Int], _ arriving: [Int]) throws -> [Element] {
    let total = arriving.reduce(0, +)
    return try [Element](unsafeUninitializedCapacity: total) { target, count in
      try sent.withUnsafeBufferPointer {
        let own = UnsafeBufferPointer(rebasing: $0[..<counts.reduce(0, +)])
        let room = UnsafeMutableBufferPointer(rebasing: target[..<total])
        try communicator.allToAll(own, counts: counts, into: room, counts: arriving)
      }
      count = total
    }
  }
}

/// Which shards a rank writes.
enum ShardShare {
  /// Consecutive shards for each rank, as even as they go.
  static func shards(of rank: Int, ranks: Int, count: Int) -> Range<Int> { Shares.range(of: rank, ranks: ranks, count: count) }
}
