/// How often something was found in input files, and where first.
public struct Occurrences: Sendable, Equatable {
  /// How often.
  public private(set) var count = 0
  /// File and line of the first; empty when there is none.
  public private(set) var first = ""

  mutating func add(_ path: String, _ line: Int) {
    if count == 0 { first = "\(path):\(line)" }
    count += 1
  }
}
