import Testing

@testable import Collectives

/// What every backend must do, checked from inside one rank; each check is collective.
///
/// Contents are functions of (sender, receiver, place), so a rank knows what it must get without asking anybody.
struct CommunicatorContract {
  let communicator: any Communicator
  private var rank: Int { communicator.rank }
  private var size: Int { communicator.size }

  func checkAll() throws {
    try allToAllOfUnevenCounts()
    try allToAllOfOtherElements()
    try gathersInRankOrder()
    try tellsEveryRank()
    try sumsInRankOrder(count: 3)
    try sumsInRankOrder(count: 10_007)
    try sumsInRankOrder(count: size - 1)
    try sumsDoubles()
    try scattersSums()
    try handsOutCounts()
    try sendsNothing()
    try keepsChannelsApart()
    try countsBytes()
    try communicator.barrier()
  }

  /// Rank r sends (r + 2 q) mod 4 elements to q: some pairs exchange nothing.
  private func allToAllOfUnevenCounts() throws {
    let sendCounts = (0..<size).map { (rank + 2 * $0) % 4 }
    let receiveCounts = (0..<size).map { ($0 + 2 * rank) % 4 }
    let send = (0..<size).flatMap { other in (0..<sendCounts[other]).map { Self.value(rank, other, $0) } }
    let expected = (0..<size).flatMap { other in (0..<receiveCounts[other]).map { Self.value(other, rank, $0) } }
    #expect(try exchange(send, sendCounts, receiveCounts) == expected)
  }

  private func allToAllOfOtherElements() throws {
    let counts = [Int](repeating: 1, count: size)
    #expect(
      try exchange((0..<size).map { UInt16(rank * 100 + $0) }, counts, counts) == (0..<size).map { UInt16($0 * 100 + rank) })
    #expect(
      try exchange((0..<size).map { _ in UInt64.max - UInt64(rank) }, counts, counts) == (0..<size).map { .max - UInt64($0) })
  }

  private func gathersInRankOrder() throws {
    let counts = (0..<size).map { ($0 * 3) % 5 }
    let own = (0..<counts[rank]).map { Self.value(rank, 0, $0) }
    var all = [Float](repeating: -1, count: counts.reduce(0, +))
    try own.withUnsafeBufferPointer { own in
      try all.withUnsafeMutableBufferPointer { try communicator.allGather(own, into: $0, counts: counts) }
    }
    #expect(all == (0..<size).flatMap { other in (0..<counts[other]).map { Self.value(other, 0, $0) } })
  }

  /// What each rank has, where some have nothing, and where one alone has anything.
  private func tellsEveryRank() throws {
    let own = { (rank: Int) in (0..<(rank * 2) % 3).map { UInt64(rank * 10 + $0) } }
    #expect(try communicator.gather(own(rank)) == (0..<size).flatMap(own))
    #expect(try communicator.gather([Float]()) == [])
    #expect(try communicator.gather(rank == size - 1 ? [1.5, 2.5] : []) == [1.5, 2.5])
    #expect(try communicator.broadcast(rank == 0 ? "é, \(size) ranks" : nil) == "é, \(size) ranks")
  }

  /// Numbers of very different size: only the sum from rank 0 on has these bits.
  private func sumsInRankOrder(count: Int) throws {
    var values = (0..<count).map { Self.wild(rank, $0) }
    try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0) }
    let expected = (0..<count).map { index in (1..<size).reduce(Self.wild(0, index)) { $0 + Self.wild($1, index) } }
    #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  private func sumsDoubles() throws {
    let sums = try communicator.sum([Double(rank) + 0.5, 1])
    #expect(sums == [Double(size * (size - 1)) / 2 + Double(size) / 2, Double(size)])
    #expect(try communicator.sum([Double](repeating: 1, count: 1000)) == [Double](repeating: Double(size), count: 1000))
    #expect(try communicator.sum([]) == [])
  }

  private func scattersSums() throws {
    let counts = (0..<size).map { $0 % 3 }
    let values = (0..<size).flatMap { other in (0..<counts[other]).map { Self.wild(rank, 10 * other + $0) } }
    var own = [Float](repeating: -1, count: counts[rank])
    try values.withUnsafeBufferPointer { values in
      try own.withUnsafeMutableBufferPointer { try communicator.reduceScatter(values, counts: counts, into: $0) }
    }
    let expected = (0..<counts[rank]).map { index in
      (1..<size).reduce(Self.wild(0, 10 * rank + index)) { $0 + Self.wild($1, 10 * rank + index) }
    }
    #expect(own.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  private func handsOutCounts() throws {
    #expect(try communicator.exchangeCounts((0..<size).map { rank * 1000 + $0 }) == (0..<size).map { $0 * 1000 + rank })
    #expect(try communicator.gatherCounts(rank * rank) == (0..<size).map { $0 * $0 })
  }

  private func sendsNothing() throws {
    let nothing = UnsafeBufferPointer<Float>(start: nil, count: 0)
    let nowhere = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    let zeros = [Int](repeating: 0, count: size)
    try communicator.allReduce(nowhere)
    try communicator.allToAll(nothing, counts: zeros, into: nowhere, counts: zeros)
    try communicator.allGather(nothing, into: nowhere, counts: zeros)
    try communicator.reduceScatter(nothing, counts: zeros, into: nowhere)
    #expect(try communicator.poll(Channels.prefetch))
  }

  /// Two exchanges under way, blocking ones between, the later finished first.
  private func keepsChannelsApart() throws {
    let channels = [Channels.prefetch, Channels.buckets + 5]
    let exchanges = channels.map { _ in Exchange(ranks: size) }
    let sent = channels.map { channel in Numbers((0..<size).map { Self.value(rank, $0, channel) }) }
    let received = channels.map { _ in Numbers([Float](repeating: -1, count: size)) }
    for (index, channel) in channels.enumerated() {
      for other in 0..<size {
        exchanges[index].send[other] = Segment(sent[index].base + other, bytes: 4)
        exchanges[index].receive[other] = Segment(received[index].base + other, bytes: 4)
      }
      try communicator.start(exchanges[index], on: channel, keeping: sent[index])
      #expect(try communicator.sum([1]) == [Double(size)])
    }
    for channel in channels.reversed() { try communicator.wait(channel) }
    for (index, channel) in channels.enumerated() {
      #expect(received[index].values == (0..<size).map { Self.value($0, rank, channel) })
    }
  }

  /// What goes to other ranks is counted, what stays is not.
  private func countsBytes() throws {
    communicator.state.resetTraffic()
    let counts = [Int](repeating: 3, count: size)
    let values = [Float](repeating: 1, count: 3 * size)
    var received = values
    try values.withUnsafeBufferPointer { values in
      try received.withUnsafeMutableBufferPointer {
        try communicator.allToAll(values, counts: counts, into: $0, counts: counts, as: .embeddings)
      }
    }
    #expect(communicator.state.traffic.bytes[Traffic.embeddings.rawValue] == 12 * (size - 1))
    #expect(communicator.state.traffic.bytes.reduce(0, +) == 12 * (size - 1))
  }

  private func exchange<Element: BitwiseCopyable>(
    _ send: [Element], _ sendCounts: [Int], _ receiveCounts: [Int]
  ) throws -> [Element] {
    try [Element](unsafeUninitializedCapacity: receiveCounts.reduce(0, +)) { buffer, count in
      count = receiveCounts.reduce(0, +)
      let target = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
      try send.withUnsafeBufferPointer {
        try communicator.allToAll($0, counts: sendCounts, into: target, counts: receiveCounts)
      }
    }
  }

  private static func value(_ sender: Int, _ receiver: Int, _ index: Int) -> Float {
    Float(10_000 * sender + 100 * receiver + index)
  }

  private static func wild(_ rank: Int, _ index: Int) -> Float {
    let sign: Float = (rank + index) % 2 == 0 ? 1 : -1
    return sign * (1 + Float(index % 97) / 97) * [1e7, 1, 1e-3, 3e6][(rank + index) % 4]
  }
}

/// Numbers that stay where they are while an exchange is under way.
private final class Numbers {
  let base: UnsafeMutablePointer<Float>
  private let count: Int

  init(_ values: [Float]) {
    base = .allocate(capacity: values.count)
    base.initialize(from: values, count: values.count)
    count = values.count
  }

  deinit { base.deallocate() }

  var values: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
