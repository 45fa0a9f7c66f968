/// Another rank has failed or left, so an exchange cannot end; the cause is that rank's own error.
public struct PeerFailure: Error, CustomStringConvertible {
  /// The rank that is gone.
  public let rank: Int

  /// One sentence.
  public var description: String { "rank \(rank) has stopped" }
}
