/// Every fault of a configuration at once; the command prints it and exits with 64.
public struct ConfigProblems: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file, as it was named.
  public let file: String
  /// The faults, in the order of the file as far as that is known; never empty.
  public let problems: [ConfigProblem]

  /// The most faults that are written out (ours): who has more of them has another file in hand.
  static let shown = 50

  /// Makes the error of at least one fault.
  public init(file: String, problems: [ConfigProblem]) {
    precondition(!problems.isEmpty, "an error without a problem")
    self.file = file
    self.problems = problems
  }

  /// One line for one fault; a heading and a line each for several.
  public var description: String {
    if problems.count == 1 { return "\(file): \(problems[0])" }
    let lines = problems.prefix(Self.shown).map { "  \($0)" }
    let more = problems.count > Self.shown ? ["  and \(problems.count - Self.shown) more"] : []
    return "\(file): \(problems.count) problems\n" + (lines + more).joined(separator: "\n")
  }
}
