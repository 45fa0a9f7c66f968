/// An event of a made-up user.
public struct WorldEvent: Sendable, Equatable {
  /// The item's number.
  public let item: Int32
  /// The scene's number.
  public let scene: UInt8
  /// The behaviour's number; higher is rarer.
  public let behavior: UInt8
  /// Unix seconds.
  public let time: Int
}
