import Glibc
import Host
import Synchronization
import Testing

@testable import Collectives

/// Ranks that send by host have the same numbers as those that do not, whoever sits where.
@Suite struct HostwiseCommunicatorTests {
  private struct Boom: Error {}

  /// Hosts of the ranks: 3 x 2, uneven, in turn, one that has one rank, one rank a host, one host.
  static let worlds = [
    [0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [2, 0, 1, 1, 0, 1, 1], [0, 1, 2], [0, 0, 0], [0, 0, 0, 0, 1],
    [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1],
  ]

  private func run(_ hosts: [Int], longest: Int, _ body: @escaping @Sendable (any Communicator) throws -> Void) throws {
    try RankThreads.run(ranks: hosts.count) { communicator in
      try body(HostwiseCommunicator(communicator, HostMap(names: hosts), longestRelayed: longest))
    }
  }

  /// All limits in the first world, one in each of the others: a rank is a thread, and threads that wait for each other are slow on few
  /// cores.
  @Test(arguments: zip([worlds[0], worlds[0]] + worlds, [0, 1 << 20, 12, 0, 12, 1 << 20, 0, 12, 1 << 20, 12]))
  func keepsTheContract(hosts: [Int], longest: Int) throws {
    try run(hosts, longest: longest) { communicator in
      // Again: memory and channels are used a second time.
      for _ in 0..<2 { try CommunicatorContract(communicator: communicator).checkAll() }
    }
  }

  @Test(arguments: worlds, [NumberFormat.fp32, .bf16]) func bucketsHaveTheSameBits(hosts: [Int], wire: NumberFormat) throws {
    let sums = Mutex<[[UInt32]]>([])
    let reduce = { @Sendable (communicator: any Communicator) in
      let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 5003)
      defer { buffer.deallocate() }
      let reducer = BucketedAllReduce(buffer, of: communicator, wire: wire, bucketBytes: 4096, communicator: communicator)
      for round in 0..<2 {
        for index in buffer.indices {
          buffer[index] = (1 + Float((index + round) % 89) / 89) * [1e6, -1, 1e-3, 3e5][(communicator.rank + index) % 4]
        }
        reducer.begin()
        try reducer.markReady(from: communicator.rank % 2 == 0 ? 3000 : 1000)
        _ = try communicator.sum([1])
        try reducer.markReady(from: 0)
        try reducer.finish()
        sums.withLock { $0.append(buffer.map(\.bitPattern)) }
      }
    }
    try RankThreads.run(ranks: hosts.count) { try reduce($0) }
    let flat = Set(sums.withLock { $0 })
    sums.withLock { $0 = [] }
    try run(hosts, longest: 1 << 20) { try reduce($0) }
    #expect(flat.count == 2 && Set(sums.withLock { $0 }) == flat)
  }

  /// A rank that waits on one channel carries what others wait for on another.
  @Test(arguments: worlds) func ranksMayWaitOnDifferentChannels(hosts: [Int]) throws {
    try run(hosts, longest: 1 << 20) { communicator in
      let channels = (0..<5).map { Channels.buckets + 7 * $0 }
      let parts = channels.map { _ in Parts(ranks: communicator.size) }
      for round in 0..<20 {
        for (part, channel) in zip(parts, channels) {
          part.fill(rank: communicator.rank, round: round + channel)
          part.exchange.pattern = [.any, .evenLengths, .oneForAll][(channel + round) % 3]
          try communicator.start(part.exchange, on: channel, keeping: part)
        }
        let first = (communicator.rank + round) % channels.count
        for step in channels.indices { try communicator.wait(channels[(first + step) % channels.count]) }
        for (part, channel) in zip(parts, channels) {
          #expect(part.received == (0..<communicator.size).map { 1000 * $0 + round + channel })
        }
      }
    }
  }

  /// One message for each pair of a host and a rank, and of what is the same for all one copy for each host and sender.
  @Test func sendsOneMessageForAHostAndARank() throws {
    let hosts = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    try run(hosts, longest: 1 << 20) { communicator in
      communicator.state.messages.know(HostMap(names: hosts), rank: communicator.rank)
      let part = Parts(ranks: 9)
      for pattern in [Exchange.Pattern.any, .evenLengths, .oneForAll] {
        communicator.state.resetTraffic()
        part.fill(rank: communicator.rank, round: 0)
        part.exchange.pattern = pattern
        try communicator.start(part.exchange, on: Channels.prefetch, keeping: part)
        try communicator.wait(Channels.prefetch)
        let messages = communicator.state.messages
        // Without it: 6 messages of 8 bytes to other hosts.
        #expect(messages.betweenHosts == 2 && messages.bytesBetweenHosts == (pattern == .oneForAll ? 2 : 6) * 8)
        #expect(messages.all == 2 + (pattern == .any ? 3 : 2) * 2)
      }
    }
  }

  @Test(arguments: [Exchange.Pattern.any, .evenLengths]) func aLongSegmentGoesStraightToItsRank(pattern: Exchange.Pattern) throws
  {
    let hosts = [0, 0, 1, 1]
    try run(hosts, longest: 7) { communicator in
      communicator.state.messages.know(HostMap(names: hosts), rank: communicator.rank)
      let part = Parts(ranks: 4)
      part.fill(rank: communicator.rank, round: 0)
      part.exchange.pattern = pattern
      try communicator.start(part.exchange, on: Channels.prefetch, keeping: part)
      try communicator.wait(Channels.prefetch)
      // Two of 8 bytes, and the empty one of the relay.
      #expect(communicator.state.messages.betweenHosts == 3 && communicator.state.messages.bytesBetweenHosts == 16)
    }
  }

  @Test func findsHostsByName() throws {
    let names = ["a", "bb", "a", "", "bb"]
    try RankThreads.run(ranks: 5) { communicator in
      let map = try HostMap.find(communicator, name: names[communicator.rank])
      #expect(map == HostMap(names: names) && map.ranks == [[0, 2], [1, 4], [3]] && map.hosts == [0, 1, 0, 2, 1])
    }
    #expect(HostMap(names: [0, 0, 0, 0, 1, 1, 1, 1]).savedMessages == 3)
    #expect(HostMap(names: [0, 0, 0, 1]).savedMessages == 0 && HostMap(names: [0, 0]).savedMessages == 0)
  }

  @Test func aFailureEndsEveryRank() {
    let failure = #expect(throws: RankFailure.self) {
      try run([0, 0, 1, 1, 2], longest: 1 << 20) { communicator in
        try communicator.barrier()
        if communicator.rank == 2 { throw Boom() }
        _ = try communicator.exchangeCounts([1, 2, 3, 4, 5])
        Issue.record("rank \(communicator.rank) had numbers of a rank that is gone")
      }
    }
    #expect(failure?.rank == 2 && failure?.cause is Boom)
  }

  /// Others wait for relays that wait for the silent rank: only the silent one is named.
  @Test(arguments: [0, 2, 3], [Exchange.Pattern.any, .evenLengths, .oneForAll])
  func aSilentRankIsNamedAndNoRelay(silent: Int, pattern: Exchange.Pattern) {
    let isOpen = Gate()
    let failure = #expect(throws: RankFailure.self) {
      try run([0, 0, 1, 1, 2, 2], longest: 1 << 20) { communicator in
        communicator.state.timeout = 1
        try communicator.barrier()
        if communicator.rank == silent { isOpen.wait() }
        let part = Parts(ranks: communicator.size)
        part.fill(rank: communicator.rank, round: 0)
        part.exchange.pattern = pattern
        try communicator.start(part.exchange, on: Channels.prefetch, keeping: part)
        try communicator.wait(Channels.prefetch)
      }
    }
    isOpen.open()
    #expect((failure?.cause as? RankTimeout)?.ranks == [silent], "\(failure.map { "\($0)" } ?? "")")
  }

  private final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)
    func open() { isOpen.store(true, ordering: .releasing) }
    func wait() { while !isOpen.load(ordering: .acquiring) { usleep(1000) } }
  }

  /// A number from each rank to each.
  private final class Parts {
    let exchange: Exchange
    private let sent: UnsafeMutablePointer<Int>
    private let memory: UnsafeMutableBufferPointer<Int>

    init(ranks: Int) {
      exchange = Exchange(ranks: ranks)
      sent = .allocate(capacity: 1)
      memory = .allocate(capacity: ranks)
      memory.initialize(repeating: -1)
      for rank in 0..<ranks {
        exchange.send[rank] = Segment(sent, bytes: 8)
        exchange.receive[rank] = Segment(memory.baseAddress! + rank, bytes: 8)
      }
    }

    deinit {
      sent.deallocate()
      memory.deallocate()
    }

    func fill(rank: Int, round: Int) {
      sent.initialize(to: 1000 * rank + round)
      memory.update(repeating: -1)
    }

    var received: [Int] { Array(memory) }
  }
}
