/// A world of one rank: every exchange is a copy or nothing at all.
public final class SoloCommunicator: Communicator {
  /// Always 0.
  public let rank = 0
  /// Always 1.
  public let size = 1
  /// `solo`.
  public let carrier = "solo"
  /// The memory that collectives work in; nothing is ever sent.
  public let state = CollectiveState(ranks: 1)

  /// Makes the world of one.
  public init() {}

  /// Copies the one segment.
  public func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) {
    exchange.receive[0].copy(from: exchange.send[0])
  }

  /// There is nobody to wait for.
  public func poll(_ channel: Int) -> Bool { true }

  /// There is nobody to wait for.
  public func giveUp(on channel: Int) -> [Int] { [] }

  /// There is nobody who reads this rank's memory.
  public func withdraw() {}
}

extension Segment {
  /// Takes over another segment's bytes; traps when the lengths differ.
  func copy(from other: Segment) {
    precondition(bytes == other.bytes, "a segment of \(other.bytes) bytes is received as \(bytes)")
    guard let base, let source = other.base, base != source else { return }
    base.copyMemory(from: source, byteCount: bytes)
  }
}
