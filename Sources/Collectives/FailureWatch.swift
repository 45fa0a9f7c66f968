import Glibc

/// Lets ranks that work for long without a word to each other learn soon that one has failed.
///
/// Ours. In rounds that nobody waits for, every rank tells all how it fares: it begins a round, goes on working, and looks now and then
/// whether all have begun it. All read the same of a round, so all know at the same round that it was the last one: when a rank has
/// failed, or all are done. The slowest to look sets the pace, and all stop within two rounds of a failure.
package final class FailureWatch {
  /// What a rank's work ends with because another rank has failed; that one's own error comes by `Communicator.agree`.
  package struct Stopped: Error {}

  private enum Fare: Int { case working, done, failed }

  private let communicator: any Communicator
  private let exchange: Exchange
  /// This rank's word, then those of all ranks.
  private let words: UnsafeMutableBufferPointer<Int>
  private var isOver: Bool
  private var hasFailure = false

  /// Begins; every rank must come to ``end(failed:)``, whatever becomes of its work.
  ///
  /// Collective, but nobody waits.
  package init(on communicator: any Communicator) throws {
    self.communicator = communicator
    exchange = Exchange(ranks: communicator.size)
    words = .allocate(capacity: communicator.size + 1)
    words.initialize(repeating: Fare.working.rawValue)
    exchange.pattern = .oneForAll
    let each = MemoryLayout<Int>.stride
    for rank in 0..<communicator.size {
      exchange.send[rank] = Segment(words.baseAddress, bytes: each)
      exchange.receive[rank] = Segment(words.baseAddress.map { $0 + 1 + rank }, bytes: each)
    }
    isOver = communicator.size == 1
    if !isOver { try begin(.working) }
  }

  deinit { words.deallocate() }

  /// Throws `Stopped` once this rank knows that one has failed; never waits.
  ///
  /// To be called several times a second while the rank works.
  package func check() throws {
    if !isOver, try communicator.poll(Channels.failures) { try finishRound(with: .working) }
    if hasFailure { throw Stopped() }
  }

  /// Says how this rank's work has ended, and returns once all have ended theirs or one has failed.
  ///
  /// It sleeps between looks: others may need the core for long, and who is at work is not silent (`CollectiveState.timeout`).
  package func end(failed: Bool) throws {
    while !isOver {
      if try communicator.poll(Channels.failures) {
        try finishRound(with: failed ? .failed : .done)
      } else {
        usleep(1_000)
      }
    }
  }

  private func begin(_ fare: Fare) throws {
    words[0] = fare.rawValue
    try communicator.start(exchange, on: Channels.failures, keeping: self)
  }

  /// Reads what all have told, and begins the next round with this rank's word unless it was the last.
  private func finishRound(with next: Fare) throws {
    let told = words[1...]
    hasFailure = told.contains(Fare.failed.rawValue)
    isOver = hasFailure || told.allSatisfy { $0 == Fare.done.rawValue }
    if !isOver { try begin(next) }
  }
}
