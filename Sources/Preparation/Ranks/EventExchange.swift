import Collectives
import Files

/// Brings events from the ranks that read them to the ranks whose shards their users are in.
///
/// A rank has consecutive shards. It numbers its users in the order in which one rank would: rank 0's in its order, then the new ones of
/// rank 1, and so on; only the order within a shard shows in a data set. Users travel first, once a rank; then events, in blocks.
struct EventExchange {
  /// Events of a block that a rank sends, at most and at least (ours: 6 MiB, 24 KiB).
  private static let blockEvents = (most: 1 << 18, least: 1 << 10)
  /// In place of a count of events: the sender has failed.
  private static let failed = -1

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
  /// - Throws: `InputError` on all ranks when all have more users together than one could number.
  init(_ read: UserTable, known: Int, on communicator: any Communicator) throws {
    self.communicator = communicator
    users = UserTable(shardCount: read.shardCount, most: read.most)
    var lists = [NameList](repeating: NameList(), count: communicator.size)
    var knownOf = [Int](repeating: 0, count: communicator.size)
    let owners = (0..<communicator.size).flatMap { rank in
      Shares.range(of: rank, ranks: communicator.size, count: read.shardCount).map { _ in rank }
    }
    addresses.reserveCapacity(read.count)
    for user in 0..<read.count {
      let owner = owners[read.shard(user)]
      addresses.append((UInt16(owner), UInt32(lists[owner].count)))
      lists[owner].append(read[user])
      if user < known { knownOf[owner] += 1 }
    }
    let knownFrom = try communicator.exchangeCounts(knownOf)
    let arriving = try exchange(lists)
    try communicator.agree(on: InputError.init) {
      for (rank, list) in arriving.enumerated() {
        var numbers: [UInt32] = []
        try list.forEach { id in
          numbers.append(UInt32(try users.intern(id)))
          if numbers.count == knownFrom[rank] { knownUsers = users.count }
        }
        arrived.append(numbers)
      }
    }
    // What one rank could not number is too much for a data set of many.
    guard try communicator.sum(counts: [users.count])[0] <= users.most else { throw IdentifierTable.tooMany(users.most) }
  }

  /// Sends the events after them, with common numbers; collective.
  ///
  /// - Parameters:
  ///   - numbers: the common numbers of items, scenes and behaviors.
  ///   - sorter: gets the events of this rank's users; it has a lane for each rank.
  ///   - memory: bytes for what arrives in a turn.
  func send(_ log: EventLog, numbers: [CommonNumbers], to sorter: EventSorter, memory: Int) throws {
    let most = try communicator.gatherCounts(log.count).max() ?? 0
    // All ranks may send to one.
    let room = memory / MemoryLayout<EventRecord>.stride / communicator.size
    let blockEvents = min(most, max(Self.blockEvents.least, min(Self.blockEvents.most, room)))
    guard blockEvents > 0 else { return }
    var sent = [EventRecord](repeating: EventRecord(time: 0, user: 0, item: 0, scene: 0, behavior: 0), count: blockEvents)
    var received = sent
    // A rank whose disk is full says so with the next block, which is the last one then.
    var problem: InputError?
    for _ in 0..<(most + blockEvents - 1) / blockEvents {
      var counts = [Int](repeating: Self.failed, count: communicator.size)
      do {
        if problem == nil { counts = fill(&sent, with: try log.take(blockEvents), numbers) }
      } catch let error as InputError { problem = error }
      let arriving = try communicator.exchangeCounts(counts)
      guard !arriving.contains(Self.failed) else { break }
      do {
        try exchange(sent, counts, into: &received, arriving)
        try append(&received, arriving, to: sorter)
      } catch let error as InputError { problem = error }
    }
    try communicator.agree(on: InputError.init) { if let problem { throw problem } }
  }

  /// Puts a block's events in the order of the ranks that they go to; how many go to each.
  private func fill(
    _ sent: inout [EventRecord], with block: UnsafeBufferPointer<EventRecord>, _ numbers: [CommonNumbers]
  ) -> [Int] {
    let (items, scenes, behaviors) = (numbers[0], numbers[1], numbers[2])
    var counts = [Int](repeating: 0, count: communicator.size)
    for event in block { counts[Int(addresses[Int(event.user)].owner)] += 1 }
    var (next, start) = ([Int](), 0)
    for count in counts {
      next.append(start)
      start += count
    }
    for event in block {
      let (owner, place) = addresses[Int(event.user)]
      sent[next[Int(owner)]] = EventRecord(
        time: event.time, user: place, item: UInt32(items.number(Int(event.item))),
        scene: UInt16(scenes.number(Int(event.scene))), behavior: UInt16(behaviors.number(Int(event.behavior))))
      next[Int(owner)] += 1
    }
    return counts
  }

  /// What arrives stands at the beginning of `received`, which grows when it must.
  private func exchange(
    _ sent: [EventRecord], _ counts: [Int], into received: inout [EventRecord], _ arriving: [Int]
  ) throws {
    let missing = arriving.reduce(0, +) - received.count
    if missing > 0 { received.append(contentsOf: repeatElement(sent[0], count: missing)) }
    try received.withUnsafeMutableBufferPointer { try exchange(sent, counts, into: $0, arriving) }
  }

  private func append(_ received: inout [EventRecord], _ arriving: [Int], to sorter: EventSorter) throws {
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
    let counts = lists.map(\.bytes.count)
    let arriving = try communicator.exchangeCounts(counts)
    var rest = try received(Array(lists.map(\.bytes).joined()), counts, arriving)[...]
    return arriving.map { count in
      defer { rest = rest.dropFirst(count) }
      return NameList(bytes: Array(rest.prefix(count)))
    }
  }

  private func received<Element: BitwiseCopyable>(_ sent: [Element], _ counts: [Int], _ arriving: [Int]) throws -> [Element] {
    let total = arriving.reduce(0, +)
    return try [Element](unsafeUninitializedCapacity: total) { target, count in
      try exchange(sent, counts, into: target, arriving)
      count = total
    }
  }

  private func exchange<Element: BitwiseCopyable>(
    _ sent: [Element], _ counts: [Int], into target: UnsafeMutableBufferPointer<Element>, _ arriving: [Int]
  ) throws {
    try sent.withUnsafeBufferPointer {
      let own = UnsafeBufferPointer(rebasing: $0[..<counts.reduce(0, +)])
      let room = UnsafeMutableBufferPointer(rebasing: target[..<arriving.reduce(0, +)])
      try communicator.allToAll(own, counts: counts, into: room, counts: arriving)
    }
  }
}
