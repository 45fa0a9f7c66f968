import Files
import Glibc
import Host
import Synchronization

/// The two streams of a command: results on stdout, everything else on stderr, plain text throughout.
///
/// Results can so be piped on while progress and notes stay visible. A value to pass down, never a global; tests give their own
/// streams.
package struct Console: Sendable {
  /// Takes text as it is, line ends included.
  package typealias Stream = @Sendable (String) -> Void

  /// How much is said.
  package let verbosity: Verbosity
  /// Whether stderr is a terminal that can redraw a line.
  package let isTerminal: Bool
  /// Columns of that terminal, 80 where it does not say.
  package let width: Int
  private let output: Stream
  private let error: Stream

  /// The process's own streams.
  package init(verbosity: Verbosity = .normal) {
    self.init(
      verbosity: verbosity, isTerminal: isatty(STDERR_FILENO) == 1, width: Console.terminalWidth(),
      output: { StandardOutput.write($0) },
      // A terminal that is gone is no reason to stop training.
      error: { StandardError.write($0) })
  }

  /// Streams of the caller's.
  package init(verbosity: Verbosity, isTerminal: Bool, width: Int = 80, output: @escaping Stream, error: @escaping Stream) {
    self.verbosity = verbosity
    self.isTerminal = isTerminal
    self.width = width
    self.output = output
    self.error = error
  }

  /// A line of the command's result, to stdout, however quiet.
  package func result(_ line: String) { output(line + "\n") }

  /// A line a person should know, to stderr, unless quiet.
  package func note(_ line: String) {
    if verbosity >= .normal { error(line + "\n") }
  }

  /// A line for finding out why, to stderr, with `--verbose` only.
  package func detail(_ line: @autoclosure () -> String) {
    if verbosity >= .verbose { error(line() + "\n") }
  }

  /// The one sentence of a failure, to stderr, however quiet.
  package func failure(_ sentence: String) { error("error: \(sentence)\n") }

  /// Text to stderr as it is: the progress bar's way to redraw its line.
  func raw(_ text: String) { error(text) }

  private static func terminalWidth() -> Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return 80 }
    return Int(size.ws_col)
  }
}

/// How much a command says besides its result.
package enum Verbosity: Int, Sendable, Comparable {
  /// Errors and results only.
  case quiet
  /// Progress and what a person should know.
  case normal
  /// Every decision, for finding out why.
  case verbose

  /// Less talkative comes first.
  package static func < (left: Verbosity, right: Verbosity) -> Bool { left.rawValue < right.rawValue }
}

/// The process's stdout, where a command's results go; what a command failed to deliver it must not pass over.
package enum StandardOutput {
  private static let failureCode = Atomic<Int32>(0)

  /// Why the first text that was lost could not be written, in the system's words; nil when everything was.
  ///
  /// Commands ask at their end and fail with it.
  package static var failure: String? {
    let code = failureCode.load(ordering: .relaxed)
    return code == 0 ? nil : systemReason(code)
  }

  /// Writes all of a text, line ends included.
  ///
  /// A pipe whose reader has left (`| head -1`) ends the process there and then, silently and by SIGPIPE, as any filter does.
  package static func write(_ text: String) {
    let code = writeAll(text, to: STDOUT_FILENO).code
    if code == EPIPE { leave() }
    if code != 0 { _ = failureCode.compareExchange(expected: 0, desired: code, ordering: .relaxed) }
  }

  /// Ends the process as if SIGPIPE had not been ignored.
  private static func leave() -> Never {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
    _exit(128 + SIGPIPE)
  }
}

/// The process's stderr, where everything else goes.
package enum StandardError {
  /// Writes a text, line ends included; one that nobody can read any more is lost.
  package static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }
}
