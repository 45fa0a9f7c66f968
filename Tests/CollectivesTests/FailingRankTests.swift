import Collectives
import Glibc
import Synchronization
import Testing

/// A rank that throws alone, at any moment, frees nothing that others still copy: what they get is what it gave, or they end too.
///
/// Memory is spoiled when it is freed, so a copy of it is seen here; the sanitizers see every touch (cluster/local/sanitizers.sh).
@Suite struct FailingRankTests {
  private struct Boom: Error {}

  /// Memory that is filled with one value, and with another when it goes.
  private final class Bytes {
    static let spoiled: UInt8 = 0xEE
    let memory: UnsafeMutableRawBufferPointer

    init(_ count: Int, filledWith value: UInt8) {
      memory = .allocate(byteCount: count, alignment: 64)
      memset(memory.baseAddress!, Int32(value), count)
    }

    deinit {
      memset(memory.baseAddress!, Int32(Self.spoiled), memory.count)
      memory.deallocate()
    }
  }

  /// What one exchange needs; the one owner of both sides.
  private final class Flight {
    let exchange: Exchange
    let (sent, received): (Bytes, Bytes)
    private let each: Int

    init(_ communicator: any Communicator, each: Int, value: UInt8) {
      self.each = each
      exchange = Exchange(ranks: communicator.size)
      sent = Bytes(each, filledWith: value)
      received = Bytes(each * communicator.size, filledWith: 0)
      for other in 0..<communicator.size {
        exchange.send[other] = Segment(sent.memory.baseAddress, bytes: each)
        exchange.receive[other] = Segment(received.memory.baseAddress! + other * each, bytes: each)
      }
    }

    /// The one value that came from a rank; nil when there are several.
    func value(from rank: Int) -> UInt8? {
      let part = received.memory.baseAddress! + rank * each
      // Every byte is the one before it.
      return memcmp(part, part + 1, each - 1) == 0 ? received.memory[rank * each] : nil
    }
  }

  private static func value(_ rank: Int, _ number: Int) -> UInt8 { UInt8(1 + (rank * 31 + number * 7) % 200) }

  /// Exchanges in the background and blocking ones, until the one rank throws in between.
  private static func run(_ communicator: any Communicator, thrower: Int, at fatal: Int, after pause: Int) throws {
    let channels = [Channels.prefetch, Channels.checkpoints, Channels.buckets, Channels.buckets + 1]
    var flights: [Flight] = []
    for number in 0..<(fatal + 40) {
      let flight = Flight(communicator, each: 40_000 + 8 * number, value: value(communicator.rank, number))
      flights.append(flight)
      try communicator.start(flight.exchange, on: channels[number % 4], keeping: flight)
      if communicator.rank == thrower && number == fatal {
        for _ in 0..<pause { sched_yield() }
        throw Boom()
      }
      // As training does between layers: this is when others copy what the one that throws has given.
      for _ in 0..<30 {
        for channel in channels { _ = try communicator.poll(channel) }
        sched_yield()
      }
      // The memory of a blocking one is its caller's frame's.
      let own = Bytes(30_000, filledWith: value(communicator.rank, number))
      let all = Bytes(30_000 * communicator.size, filledWith: 0)
      try communicator.allGather(
        UnsafeBufferPointer(own.memory.bindMemory(to: UInt8.self)), into: all.memory.bindMemory(to: UInt8.self),
        counts: [Int](repeating: 30_000, count: communicator.size))
      for rank in 0..<communicator.size { #expect(all.memory[rank * 30_000 + 29_999] == value(rank, number)) }
      guard number >= 3 else { continue }
      let done = flights.removeFirst()
      try communicator.wait(channels[(number - 3) % 4])
      for rank in 0..<communicator.size { #expect(done.value(from: rank) == value(rank, number - 3)) }
    }
  }

  @Test(arguments: [2, 3, 5]) func freesNothingThatOthersCopy(ranks: Int) {
    for round in 0..<40 {
      let failure = #expect(throws: RankFailure.self) {
        try RankThreads.run(ranks: ranks) {
          try Self.run($0, thrower: round % ranks, at: round * 5 % 13, after: round * 11 % 29)
        }
      }
      #expect(failure?.cause is Boom && failure?.rank == round % ranks)
    }
  }

  /// Several at once, each at a moment of its own.
  @Test func ranksThatFailTogetherEndTogether() {
    for round in 0..<20 {
      let failure = #expect(throws: RankFailure.self) {
        try RankThreads.run(ranks: 4) { communicator in
          let fatal = 3 + (round + communicator.rank) % 2
          try Self.run(communicator, thrower: communicator.rank, at: fatal, after: round * 7 % 23)
        }
      }
      #expect(failure?.cause is Boom)
    }
  }

  /// What is held is let go of once all ranks have ended.
  @Test func nothingIsHeldForEver() {
    final class Counted: Sendable {
      static let alive = Atomic<Int>(0)
      init() { Self.alive.add(1, ordering: .relaxed) }
      deinit { Self.alive.subtract(1, ordering: .relaxed) }
    }
    #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: 3) { communicator in
        let memory = Counted()
        let exchange = Exchange(ranks: 3)
        try communicator.start(exchange, on: Channels.prefetch, keeping: memory)
        if communicator.rank == 1 { throw Boom() }
        try communicator.barrier()
      }
    }
    // The last thread may still be on its way out of its block.
    for _ in 0..<1000 where Counted.alive.load(ordering: .relaxed) != 0 { usleep(1000) }
    #expect(Counted.alive.load(ordering: .relaxed) == 0)
  }
}
