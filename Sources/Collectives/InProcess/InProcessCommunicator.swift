import Synchronization

/// A rank that is a thread: segments are copied straight out of the other ranks' memory.
///
/// The receiver copies. An exchange is done for a rank when it has its segments and everybody has copied what it gave. No lock:
/// each rank publishes two counters a channel, and looks at the others'. Nor can a rank that fails free what others copy: what
/// it has published is held until every rank has ended, and nobody begins to copy once a rank has withdrawn.
final class InProcessCommunicator: Communicator {
  /// This rank.
  package let rank: Int
  /// The ranks of the world.
  package let size: Int
  /// `threads`.
  package let backend = "threads"
  /// Traffic, and the memory that collectives work in.
  package let state: CollectiveState
  private let world: InProcessWorld
  private var flights: [Flight]
  private var rollCall = RollCall()

  /// Makes one rank of a world; used by one thread.
  init(_ world: InProcessWorld, rank: Int) {
    self.world = world
    self.rank = rank
    size = world.ranks
    state = CollectiveState(ranks: world.ranks)
    flights = Array(repeating: Flight(), count: Channels.count)
  }

  /// Publishes this rank's segments.
  package func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) throws {
    precondition(flights[channel].exchange == nil, "channel \(channel) is under way")
    flights[channel].number += 1
    flights[channel].exchange = exchange
    flights[channel].owner = owner
    flights[channel].hasCopied = false
    if let peers = exchange.peers {
      for other in peers.to { state.messages.count(exchange.send[other], to: other) }
    } else {
      for other in 0..<size where other != rank { state.messages.count(exchange.send[other], to: other) }
    }
    let post = world.post(channel, rank)
    post.segments = exchange.send.baseAddress
    post.started.store(flights[channel].number, ordering: .releasing)
  }

  /// Copies the segments once every rank has published its own.
  package func poll(_ channel: Int) throws -> Bool {
    let number = flights[channel].number
    guard let exchange = flights[channel].exchange else { return true }
    if !flights[channel].hasCopied {
      guard try haveStarted(exchange, channel, number) else { return false }
      // A rank that was given up on comes too late: what the others published is gone.
      try world.copy(for: rank) {
        if let peers = exchange.peers {
          for other in peers.from { copy(exchange, from: other, on: channel) }
        } else {
          for other in 0..<size { copy(exchange, from: other, on: channel) }
        }
      }
      flights[channel].hasCopied = true
      world.post(channel, rank).copied.store(number, ordering: .releasing)
    }
    guard try haveCopied(exchange, channel, number) else { return false }
    flights[channel].exchange = nil
    flights[channel].owner = nil
    return true
  }

  /// The ranks that have not published the channel's exchange, or else not copied, and do not answer.
  func giveUp(on channel: Int) -> [Int] {
    let flight = flights[channel]
    guard let exchange = flight.exchange else { return [] }
    let peers = flight.hasCopied ? exchange.peers?.to : exchange.peers?.from
    let missing = (peers ?? Array(0..<size)).filter { other in
      let post = world.post(channel, other)
      return (flight.hasCopied ? post.copied.load(ordering: .acquiring) : post.started.load(ordering: .acquiring)) < flight.number
    }
    let silent = rollCall.silent(
      of: missing, on: channel, timeout: state.timeout ?? 0, ask: { for other in $0 { world.setAnswer(of: other, false) } },
      hear: { missing.filter(world.hasAnswered) })
    if !silent.isEmpty { withdraw() }
    return silent
  }

  /// Says that this rank waits.
  func answerRollCall() { world.setAnswer(of: rank, true) }

  /// Ends the world; waits as long as others copy.
  func withdraw() { world.fail(rank) }

  /// Lets go of what is still under way; only when no rank runs any more.
  func letGo() {
    for channel in flights.indices { flights[channel] = Flight() }
  }

  private func copy(_ exchange: Exchange, from other: Int, on channel: Int) {
    guard let segments = world.post(channel, other).segments else { preconditionFailure("nothing published") }
    exchange.receive[other].copy(from: segments[rank])
  }

  private func haveStarted(_ exchange: Exchange, _ channel: Int, _ number: Int) throws -> Bool {
    let counter = { (post: InProcessWorld.Post) in post.started.load(ordering: .acquiring) }
    guard let peers = exchange.peers else { return try haveAll(0..<size, channel, number, counter) }
    return try haveAll(peers.from, channel, number, counter)
  }

  private func haveCopied(_ exchange: Exchange, _ channel: Int, _ number: Int) throws -> Bool {
    let counter = { (post: InProcessWorld.Post) in post.copied.load(ordering: .acquiring) }
    guard let peers = exchange.peers else { return try haveAll(0..<size, channel, number, counter) }
    return try haveAll(peers.to, channel, number, counter)
  }

  /// Whether those ranks' counters have come to this exchange.
  private func haveAll(
    _ ranks: some Sequence<Int>, _ channel: Int, _ number: Int, _ counter: (InProcessWorld.Post) -> Int
  ) throws -> Bool {
    for other in ranks {
      let post = world.post(channel, other)
      guard counter(post) < number else { continue }
      try world.checkAlive(other, for: rank) { counter(post) >= number }
      return false
    }
    return true
  }

  /// An exchange that this rank has started.
  private struct Flight {
    var number = 0
    var exchange: Exchange?
    /// Holds the memory of the exchange's segments.
    var owner: AnyObject?
    var hasCopied = false
  }
}
