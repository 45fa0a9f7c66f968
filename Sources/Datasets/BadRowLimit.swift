import Files

/// How many bad rows `prepare` puts up with.
public enum BadRowLimit: Sendable, Equatable, CustomStringConvertible {
  /// A number of rows.
  case count(Int)
  /// A share of all rows, 0 to 1.
  case share(Double)

  /// Reads a share, `0.1%` or from 0 to 1 (`0.001`, `1`), or a whole number of rows from 2 up.
  public init(_ text: String) throws {
    if text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) {
      self = .share(percent / 100)
    } else if let share = Double(text), (0...1).contains(share) {
      self = .share(share)
    } else if let count = Int(text), count >= 0 {
      self = .count(count)
    } else {
      throw InputError(
        "the limit for bad rows is a share (0.1%, or 0.001 up to 1) or a whole number of rows from 2 up, not \(text)")
    }
  }

  /// Whether so many bad rows of so many are within the limit.
  func allows(_ bad: Int, of rows: Int) -> Bool {
    switch self {
    case .count(let count): bad <= count
    case .share(let share): Double(bad) <= share * Double(rows)
    }
  }

  /// For messages.
  public var description: String {
    switch self {
    case .count(let count): "\(count)"
    case .share(let share): "\((share * 1e8).rounded() / 1e6)%"
    }
  }
}
