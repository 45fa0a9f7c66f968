import Files

/// The order of a user's events with equal times.
public enum TieOrder: Sendable, Equatable, CustomStringConvertible {
  /// As they stand in the files, in the order in which the files are given.
  case fileOrder
  /// A random order that depends on the seed, the user's and the item's ids, the scene, the behaviour and the time,
  /// so not on the order of the rows.
  case shuffle(seed: UInt64)

  /// Reads `file-order` or `shuffle:SEED`.
  public init(_ text: String) throws {
    if text == "file-order" {
      self = .fileOrder
    } else if text.hasPrefix("shuffle:"), let seed = UInt64(text.dropFirst(8)) {
      self = .shuffle(seed: seed)
    } else {
      throw InputError("the tie order is file-order or shuffle:SEED with a whole number, not \(text)")
    }
  }

  /// The command line's spelling.
  public var description: String {
    switch self {
    case .fileOrder: "file-order"
    case .shuffle(let seed): "shuffle:\(seed)"
    }
  }
}
