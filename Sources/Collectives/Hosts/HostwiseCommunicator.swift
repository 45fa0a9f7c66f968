/// Ranks on several hosts, whose ranks send together what goes to another host: fewer messages between hosts, the same numbers.
///
/// Another communicator carries it. Every exchange brings every segment to its rank as it was sent; nothing is added up on the way.
/// So all collectives, and what is built from them, have the same bits as without it. docs/distributed.md, "Hosts".
package final class HostwiseCommunicator: Communicator {
  /// A longer segment goes straight to its rank: there the bytes cost more than a message of its own.
  ///
  /// docs/benchmarks/ranks.md.
  package static let longestRelayed = 16 << 10
  /// So many messages must a rank save in each exchange: what is relayed takes a way more inside the host.
  ///
  /// docs/benchmarks/ranks.md.
  static let worthwhile = 4
  /// This rank.
  package var rank: Int { inner.rank }
  /// The world's ranks.
  package var size: Int { inner.size }
  /// The other communicator's, and on how many hosts.
  package var backend: String { "\(inner.backend), sent by host" }
  /// Traffic, and the memory that collectives work in.
  package var state: CollectiveState { inner.state }

  private let inner: any Communicator
  private let plan: RelayPlan
  private let longest: Int
  /// By channel, made when it is first used.
  private var exchanges: [HostwiseExchange?]
  private var underWay: [Bool]
  /// How many are.
  private var waiting = 0
  /// Which channel is moved on beside the one that is asked for.
  private var next = 0

  /// Wraps a communicator whose ranks are on these hosts.
  ///
  /// - Parameter longestRelayed: bytes; the same on every rank.
  package init(_ inner: any Communicator, _ map: HostMap, longestRelayed: Int = HostwiseCommunicator.longestRelayed) {
    precondition(map.hosts.count == inner.size, "hosts of \(map.hosts.count) ranks in a world of \(inner.size)")
    self.inner = inner
    plan = RelayPlan(map, rank: inner.rank)
    longest = longestRelayed
    exchanges = Array(repeating: nil, count: Channels.count)
    underWay = Array(repeating: false, count: Channels.count)
  }

  /// The communicator itself, or one that sends by host where that is better; says which ranks are on which host, too.
  ///
  /// Collective.
  ///
  /// - Parameter isWanted: nil = where it saves enough messages; where ranks differ in it, they do not.
  package static func join(_ communicator: any Communicator, isWanted: Bool? = nil) throws -> any Communicator {
    guard communicator.size > 1 else { return communicator }
    let map = try HostMap.find(communicator)
    communicator.state.messages.know(map, rank: communicator.rank)
    // Ranks that were told different things must still understand each other, to say so.
    let told = try communicator.gatherCounts(isWanted.map { $0 ? 2 : 1 } ?? 0)
    let isWanted = Set(told).count == 1 ? isWanted : false
    guard isBetter(saving: map.savedMessages, hosts: map.ranks.count, isWanted: isWanted) else { return communicator }
    return HostwiseCommunicator(communicator, map)
  }

  /// Whether ranks send by host that save so many messages in an exchange.
  package static func isBetter(saving messages: Int, hosts: Int, isWanted: Bool?) -> Bool {
    hosts > 1 && (isWanted ?? (messages >= worthwhile))
  }

  /// Sends what needs no relay, and begins to bring the rest to its relays.
  package func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) throws {
    precondition(!underWay[channel], "channel \(channel) is under way")
    exchange.receive[rank].copy(from: exchange.send[rank])
    let staged = exchanges[channel] ?? HostwiseExchange(plan, rank: rank, ranks: size, longest: longest)
    exchanges[channel] = staged
    underWay[channel] = true
    waiting += 1
    staged.begin(exchange, of: owner)
    try inner.start(staged.stageExchange, on: channel, keeping: staged)
  }

  /// Moves the channel's exchange on, and one of the others: this rank may carry what ranks need that wait on another channel.
  package func poll(_ channel: Int) throws -> Bool {
    try advance(channel)
    if waiting > (underWay[channel] ? 1 : 0) {
      repeat { next = (next + 1) % underWay.count } while !underWay[next] || next == channel
      try advance(next)
    }
    return !underWay[channel]
  }

  /// The ranks whose part the exchange's stage still lacks, without those that wait themselves.
  package func giveUp(on channel: Int) -> [Int] { underWay[channel] ? inner.giveUp(on: channel) : [] }

  /// Tells who asks that this rank waits.
  package func answerRollCall() { inner.answerRollCall() }

  /// Takes this rank out of the world because it fails.
  package func withdraw() { inner.withdraw() }

  private func advance(_ channel: Int) throws {
    while underWay[channel], let staged = exchanges[channel], try inner.poll(channel) {
      if staged.nextStage() {
        try inner.start(staged.stageExchange, on: channel, keeping: staged)
      } else {
        underWay[channel] = false
        waiting -= 1
      }
    }
  }
}
