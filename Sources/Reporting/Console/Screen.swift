import Glibc
import Host
import Synchronization

/// A terminal with a live block at its end: lines that are redrawn in place, under whatever is printed for good.
///
/// The one rule that keeps both apart: nothing is written to the terminal but by this type, which takes the block away first and
/// draws it anew behind. The block follows the window: its rows are counted again with the width of now, because a terminal that is made
/// narrower breaks the lines that stand there. Calls may come from any thread. Ours.
package final class Screen: Sendable {
  /// Columns and rows of a window.
  package struct Size: Sendable {
    /// Letters of a line.
    package let columns: Int
    /// Lines.
    package let rows: Int

    /// Describes a window.
    package init(columns: Int, rows: Int) { (self.columns, self.rows) = (columns, rows) }
  }

  private struct State {
    var block: [StyledLine] = []
    /// Widths of the block's lines that stand on the terminal now.
    var drawn: [Int] = []
    /// Whether the cursor stands at the beginning of a line, but for the block.
    var isAtLineStart = true
    /// How often the process had been stopped and continued when the block was drawn.
    var continued = 0
  }

  /// Whether lines can be redrawn: a terminal that knows escape sequences.
  package let isLive: Bool
  /// Whether colors are wanted: not with `NO_COLOR` (no-color.org).
  package let usesColor: Bool
  private let measure: @Sendable () -> Size
  private let isInForeground: @Sendable () -> Bool
  private let write: Console.Stream
  private let state = Mutex(State())

  /// The process's stderr.
  package static let standardError: Screen = {
    let environment = { (name: String) in getenv(name).map { String(cString: $0) } ?? "" }
    let isLive = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb"
    if isLive { ContinueSignal.listen() }
    return Screen(
      isLive: isLive, usesColor: isLive && environment("NO_COLOR").isEmpty, size: Screen.windowSize,
      // A job in the background would draw over what the shell shows.
      isInForeground: { tcgetpgrp(STDERR_FILENO) == getpgrp() || tcgetpgrp(STDERR_FILENO) < 0 },
      // A terminal that is gone is no reason to stop training.
      write: { _ = writeAll($0, to: STDERR_FILENO) })
  }()

  /// A terminal of the caller's.
  package init(
    isLive: Bool, usesColor: Bool = false, size: @escaping @Sendable () -> Size,
    isInForeground: @escaping @Sendable () -> Bool = { true },
    write: @escaping Console.Stream
  ) {
    (self.isLive, self.usesColor) = (isLive, usesColor)
    (measure, self.isInForeground, self.write) = (size, isInForeground, write)
  }

  /// The window as it is now.
  package var size: Size { measure() }

  /// Writes text for good, above the block.
  package func print(_ text: String) {
    around {
      write(text)
    } sets: {
      $0.isAtLineStart = text.hasSuffix("\n")
    }
  }

  /// Does something that writes to the same terminal, and keeps the block out of its way.
  package func around(_ body: () -> Void) { around(body) { $0.isAtLineStart = true } }

  private func around(_ body: () -> Void, sets: (inout State) -> Void) {
    state.withLock { state in
      erase(&state)
      body()
      sets(&state)
      draw(&state)
    }
  }

  /// Puts lines in place of the block; none takes it away.
  package func show(_ lines: [StyledLine]) {
    guard isLive else { return }
    state.withLock { state in
      state.block = lines
      if !lines.isEmpty && state.drawn.count == lines.count && isInForeground() { return redraw(&state) }
      erase(&state)
      draw(&state)
    }
  }

  /// Takes the block away for good, as before the process's last words.
  package func clear() { show([]) }

  private func erase(_ state: inout State) {
    guard !state.drawn.isEmpty else { return }
    write(start(of: state) + "\u{1B}[J")
    state.drawn = []
  }

  private func draw(_ state: inout State) {
    guard !state.block.isEmpty, state.isAtLineStart, isInForeground() else { return }
    write(text(&state))
  }

  /// Draws over the block that stands there, so that it does not flicker.
  private func redraw(_ state: inout State) { write(start(of: state) + text(&state)) }

  /// The way to the beginning of the block.
  private func start(of state: State) -> String {
    // What a shell wrote while the process was stopped is not ours to take away.
    guard state.continued == ContinueSignal.count else { return "\r\n" }
    let columns = max(1, size.columns)
    let rows = state.drawn.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
    return "\r" + (rows > 1 ? "\u{1B}[\(rows - 1)A" : "")
  }

  /// The block's lines, each cut to the window, and nothing behind them.
  private func text(_ state: inout State) -> String {
    let size = size
    // A full line would wrap when the next letter comes, and where it ends then differs from terminal to terminal.
    let lines = state.block.prefix(max(1, size.rows - 1)).map { $0.prefix(columns: max(1, size.columns - 1)) }
    state.drawn = lines.map(\.width)
    state.continued = ContinueSignal.count
    return lines.map { $0.rendered(inColor: usesColor) + "\u{1B}[K" }.joined(separator: "\n") + "\u{1B}[J"
  }

  private static func windowSize() -> Size {
    var window = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else { return Size(columns: 80, rows: 24) }
    return Size(columns: Int(window.ws_col), rows: window.ws_row > 0 ? Int(window.ws_row) : 24)
  }
}

/// How often the process was stopped (Ctrl-Z) and continued: a shell has written to the terminal meanwhile.
private enum ContinueSignal {
  private static let continued = Atomic<Int>(0)

  static var count: Int { continued.load(ordering: .relaxed) }

  static func listen() {
    // The handler must find it made.
    continued.store(0, ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in ContinueSignal.continued.add(1, ordering: .relaxed) }
    action.sa_flags = SA_RESTART
    sigemptyset(&action.sa_mask)
    sigaction(SIGCONT, &action, nil)
  }
}
