import Files

/// A time before which events are left out.
public struct EventFloor: Sendable, Equatable, CustomStringConvertible {
  /// Microseconds since 1970-01-01 UTC; the first time that stays.
  public let time: Int64
  /// The command line's spelling.
  public let description: String

  /// Reads Unix seconds or an ISO date (`2014-01-31`, `2014-01-31T12:00:00Z`), UTC.
  public init(_ text: String) throws {
    guard let time = Timestamp.microseconds(cut: text) else {
      throw InputError("--since is a time (Unix seconds, 2014-01-31 or 2014-01-31T12:00:00Z), not \(text)")
    }
    self.time = time
    description = text
  }
}
