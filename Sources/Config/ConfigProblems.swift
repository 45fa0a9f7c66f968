/// Every fault of a configuration at once; the command prints it and exits with 64.
public struct ConfigProblems: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file, as it was named.
  public let file: String
  /// The faults, in the order of the file as far as that is known; never empty.
  public let problems: [ConfigProblem]

  /// Makes the error of at least one fault.
  public init(file: String, problems: [ConfigProblem]) {
    precondition(!problems.isEmpty, "an error without a problem")
    self.file = file
    self.problems = problems
  }

  /// One line for one fault; a heading and a line each for several.
  public var description: String {
    if problems.count == 1 { return "\(file): \(problems[0])" }
    return "\(file): \(problems.count) problems\n" + problems.map { "  \($0)" }.joined(separator: "\n")
  }
}
