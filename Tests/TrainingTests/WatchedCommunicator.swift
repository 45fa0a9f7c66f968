import Collectives
import Synchronization

/// Another communicator, of which it is known what is under way.
final class WatchedCommunicator: Communicator {
  /// How many exchanges some rank started, and how many of those it saw done.
  final class Count: Sendable {
    let started = Atomic<Int>(0)
    let done = Atomic<Int>(0)
    /// Exchanges of the next step's numbers.
    let prefetched = Atomic<Int>(0)
  }

  init(_ inner: any Communicator, count: Count) {
    (self.inner, self.count) = (inner, count)
    isUnderWay = Array(repeating: false, count: Channels.count)
  }

  var rank: Int { inner.rank }
  var size: Int { inner.size }
  var backend: String { inner.backend }
  var state: CollectiveState { inner.state }

  func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) throws {
    try inner.start(exchange, on: channel, keeping: owner)
    isUnderWay[channel] = true
    count.started.add(1, ordering: .relaxed)
    if channel == Channels.prefetch { count.prefetched.add(1, ordering: .relaxed) }
  }

  func poll(_ channel: Int) throws -> Bool {
    guard try inner.poll(channel) else { return false }
    if isUnderWay[channel] { count.done.add(1, ordering: .relaxed) }
    isUnderWay[channel] = false
    return true
  }

  func giveUp(on channel: Int) -> [Int] { inner.giveUp(on: channel) }
  func answerRollCall() { inner.answerRollCall() }

  func withdraw() { inner.withdraw() }

  private let inner: any Communicator
  private let count: Count
  private var isUnderWay: [Bool]
}
