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
  /// The terminal, or whatever stands in its place.
  package let screen: Screen
  private let output: Stream

  /// The process's own streams.
  package init(verbosity: Verbosity = .normal) {
    (self.verbosity, screen) = (verbosity, .standardError)
    output = { StandardOutput.write($0) }
  }

  /// Streams of the caller's.
  package init(
    verbosity: Verbosity, isTerminal: Bool, width: Int = 80, output: @escaping Stream, error: @escaping Stream
  ) {
    self.init(
      verbosity: verbosity, screen: Screen(isLive: isTerminal, size: { .init(columns: width, rows: 24) }, write: error),
      output: output)
  }

  /// A terminal of the caller's.
  package init(verbosity: Verbosity, screen: Screen, output: @escaping Stream) {
    (self.verbosity, self.screen, self.output) = (verbosity, screen, output)
  }

  /// Whether stderr is a terminal that can redraw lines.
  package var isTerminal: Bool { screen.isLive }

  /// Columns of that terminal now, 80 where it does not say.
  package var width: Int { screen.size.columns }

  /// A line of the command's result, to stdout, however quiet.
  package func result(_ line: String) { output(line + "\n") }

  /// A line a person should know, to stderr, unless quiet; several lines where the text has several.
  ///
  /// - Parameter indent: spaces in front of what a terminal has no room for on the first line.
  package func note(_ line: String, _ style: StyledLine.Style = .plain, indent: Int = 2) {
    guard verbosity >= .normal else { return }
    guard isTerminal else { return screen.print(line + "\n") }
    let text = TextTable.wrapped(line, columns: width - 1, indent: indent)
    let warning = "warning:"
    let isWarning = style == .plain && line.hasPrefix(warning)
    let (head, rest) = isWarning ? (warning, String(text.dropFirst(warning.count))) : ("", text)
    let painted = StyledLine.Style.yellow.painted(head, if: screen.usesColor) + style.painted(rest, if: screen.usesColor)
    screen.print(painted + "\n")
  }

  /// A line for finding out why, to stderr, with `--verbose` only.
  package func detail(_ line: @autoclosure () -> String) {
    if verbosity >= .verbose { screen.print(StyledLine.Style.dim.painted(line(), if: screen.usesColor) + "\n") }
  }

  /// The one sentence of a failure, to stderr, however quiet.
  package func failure(_ sentence: String) { screen.print("error: \(sentence)\n") }
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
  private static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// Columns of the terminal that it is; nil where it is none.
  package static var columns: Int? {
    var window = winsize()
    guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else { return nil }
    return Int(window.ws_col)
  }

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
    var code: Int32 = 0
    // On a terminal that shows a live block, results stand above it.
    if isTerminal {
      Screen.standardError.around { code = writeAll(text, to: STDOUT_FILENO).code }
    } else {
      code = writeAll(text, to: STDOUT_FILENO).code
    }
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
  package static func write(_ text: String) { Screen.standardError.print(text) }

  /// Writes a text that ends what was under way: a live block is taken away, until there is more to show.
  package static func writeLast(_ text: String) {
    Screen.standardError.clear()
    write(text)
  }

  /// Writes a process's last words, which nothing follows.
  package static func end(_ text: String) { Screen.standardError.end(text) }
}
