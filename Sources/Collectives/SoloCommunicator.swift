/// A world of one rank: every exchange is a copy or nothing at all.
package final class SoloCommunicator: Communicator {
  /// Always 0.
  package let rank = 0
  /// Always 1.
  package let size = 1
  /// `solo`.
  package let backend = "solo"
  /// The memory that collectives work in; nothing is ever sent.
  package let state = CollectiveState(ranks: 1)

  /// Makes the world of one.
  package init() {}

  /// Copies the one segment.
  package func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) {
    exchange.receive[0].copy(from: exchange.send[0])
  }

  /// There is nobody to wait for.
  package func poll(_ channel: Int) -> Bool { true }

  /// There is nobody to wait for.
  package func giveUp(on channel: Int) -> [Int] { [] }

  /// There is nobody who reads this rank's memory.
  package func withdraw() {}
}

extension Segment {
  /// Takes over another segment's bytes; traps when the lengths differ.
  func copy(from other: Segment) {
    precondition(bytes == other.bytes, "a segment of \(other.bytes) bytes is received as \(bytes)")
    guard let base, let source = other.base, base != source else { return }
    base.copyMemory(from: source, byteCount: bytes)
  }
}
