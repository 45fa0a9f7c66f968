import Files
import Glibc

/// The two streams of a command: results on stdout, everything else on stderr, plain text throughout.
///
/// Results can so be piped on while progress and notes stay visible. A value to pass down, never a global; tests give their own
/// streams.
public struct Console: Sendable {
  /// Takes text as it is, line ends included.
  public typealias Stream = @Sendable (String) -> Void

  /// How much is said.
  public let verbosity: Verbosity
  /// Whether stderr is a terminal that can redraw a line.
  public let isTerminal: Bool
  /// Columns of that terminal, 80 where it does not say.
  public let width: Int
  private let output: Stream
  private let error: Stream

  /// The process's own streams.
  public init(verbosity: Verbosity = .normal) {
    self.init(
      verbosity: verbosity, isTerminal: isatty(STDERR_FILENO) == 1, width: Console.terminalWidth(),
      output: { StandardOutput.write($0) },
      // A terminal that is gone is no reason to stop training.
      error: { _ = writeAll($0, to: STDERR_FILENO) })
  }

  /// Streams of the caller's.
  public init(verbosity: Verbosity, isTerminal: Bool, width: Int = 80, output: @escaping Stream, error: @escaping Stream) {
    self.verbosity = verbosity
    self.isTerminal = isTerminal
    self.width = width
    self.output = output
    self.error = error
  }

  /// A line of the command's result, to stdout, however quiet.
  public func result(_ line: String) { output(line + "\n") }

  /// A line a person should know, to stderr, unless quiet.
  public func note(_ line: String) {
    if verbosity >= .normal { error(line + "\n") }
  }

  /// A line for finding out why, to stderr, with `--verbose` only.
  public func detail(_ line: @autoclosure () -> String) {
    if verbosity >= .verbose { error(line() + "\n") }
  }

  /// The one sentence of a failure, to stderr, however quiet.
  public func failure(_ sentence: String) { error("error: \(sentence)\n") }

  /// Text to stderr as it is: the progress bar's way to redraw its line.
  func raw(_ text: String) { error(text) }

  /// Text from a data file with control characters made visible, so that a title cannot steer a terminal.
  public static func printable(_ text: String) -> String { Files.printable(text) }

  private static func terminalWidth() -> Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return 80 }
    return Int(size.ws_col)
  }
}
