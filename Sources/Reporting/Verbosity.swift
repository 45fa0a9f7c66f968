/// How much a command says besides its result.
public enum Verbosity: Int, Sendable, Comparable {
  /// Errors and results only.
  case quiet
  /// Progress and what a person should know.
  case normal
  /// Every decision, for finding out why.
  case verbose

  /// Less talkative comes first.
  public static func < (left: Verbosity, right: Verbosity) -> Bool { left.rawValue < right.rawValue }
}
