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
    /// The window when it was last looked at, and since when it has been of that size.
    var window = Size(columns: 0, rows: 0)
    var windowSince = 0.0
    /// Until when nothing waits any more for a window to keep still.
    var impatientUntil = 0.0
    /// Whether the last words were said.
    var hasEnded = false
  }

  /// Whether lines can be redrawn: a terminal that knows escape sequences.
  package let isLive: Bool
  /// Whether colors are wanted: not with `NO_COLOR` (no-color.org).
  package let usesColor: Bool
  private let measure: @Sendable () -> Size
  private let isInForeground: @Sendable () -> Bool
  private let write: Console.Stream
  private let clock: ProgressBar.Clock
  private let sleep: @Sendable (Double) -> Void
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
  ///
  /// - Parameters:
  ///   - clock: for tests; the process's steady clock otherwise.
  ///   - sleep: waits so many seconds.
  package init(
    isLive: Bool, usesColor: Bool = false, size: @escaping @Sendable () -> Size,
    isInForeground: @escaping @Sendable () -> Bool = { true },
    clock: @escaping ProgressBar.Clock = ProgressBar.steadyClock,
    sleep: @escaping @Sendable (Double) -> Void = { usleep(UInt32($0 * 1e6)) }, write: @escaping Console.Stream
  ) {
    (self.isLive, self.usesColor) = (isLive, usesColor)
    (measure, self.isInForeground, self.write) = (size, isInForeground, write)
    (self.clock, self.sleep) = (clock, sleep)
  }

  /// The window as it is now.
  package var size: Size { measure() }

  /// Writes text for good, above the block.
  package func print(_ text: String) {
    state.withLock { state in
      guard !state.hasEnded else { return }
      waitUntilSteady(&state)
      let start = start(of: state)
      // What stands there is written over line by line, and only the rest is erased: where everything is, a terminal may keep it as history.
      let over = state.drawn.isEmpty ? text : text.replacing("\n", with: "\u{1B}[K\n")
      let rest = state.drawn.isEmpty ? "" : text.hasSuffix("\n") ? Self.eraseRest : "\u{1B}[J"
      state.drawn = []
      state.isAtLineStart = text.hasSuffix("\n")
      let block = isDrawable(state) ? drawing(&state) : ""
      write(start + over + (block.isEmpty ? rest : block))
    }
  }

  /// Does something that writes to the same terminal, and keeps the block out of its way.
  package func around(_ body: () -> Void) {
    state.withLock { state in
      waitUntilSteady(&state)
      erase(&state)
      body()
      state.isAtLineStart = true
      if isDrawable(state) { write(drawing(&state)) }
    }
  }

  /// Puts lines in place of the block; none takes it away.
  package func show(_ lines: [StyledLine]) {
    guard isLive else { return }
    state.withLock { state in
      guard !state.hasEnded else { return }
      state.block = lines
      guard !lines.isEmpty else {
        waitUntilSteady(&state)
        return erase(&state)
      }
      // While a window is being pulled at, what stands where is not known; the next lines will do.
      guard isSteady(&state), isDrawable(state) else { return }
      let start = start(of: state)
      write(start + drawing(&state))
    }
  }

  /// Takes the block away, until lines are shown again.
  package func clear() { show([]) }

  /// Takes the block away and writes the last text: whatever other threads print or show from now on is lost.
  package func end(_ text: String) {
    state.withLock { state in
      state.block = []
      erase(&state)
      state.hasEnded = true
      write((state.isAtLineStart || text.isEmpty ? "" : "\n") + text)
    }
  }

  private static let eraseRest = "\u{1B}[K\u{1B}[J"
  /// A window is of a new size once it has kept it so many seconds.
  private static let steadySeconds = 0.25

  /// Whether the window has kept its size for a while, or nothing stands there that it could have broken anew.
  private func isSteady(_ state: inout State) -> Bool {
    let (size, now) = (size, clock())
    if state.drawn.isEmpty || (size.columns, size.rows) == (state.window.columns, state.window.rows) && state.windowSince == 0 {
      (state.window, state.windowSince) = (size, 0)
      return true
    }
    if (size.columns, size.rows) != (state.window.columns, state.window.rows) { (state.window, state.windowSince) = (size, now) }
    guard now - state.windowSince >= Self.steadySeconds else { return false }
    state.windowSince = 0
    return true
  }

  /// What must be printed waits for a window that is being pulled at, three seconds at most.
  ///
  /// After that the block stays where it stands: a remnant of it is no loss, a line that was written over is.
  private func waitUntilSteady(_ state: inout State) {
    guard isLive, !isSteady(&state) else { return }
    // Lines that come one after the other wait once.
    let waits = clock() < state.impatientUntil ? 0 : 150
    for _ in 0..<waits {
      sleep(0.02)
      if isSteady(&state) { return }
    }
    state.impatientUntil = clock() + 3
    state.continued = -1
  }

  private func isDrawable(_ state: State) -> Bool { !state.block.isEmpty && state.isAtLineStart && isInForeground() }

  private func erase(_ state: inout State) {
    guard !state.drawn.isEmpty else { return }
    guard state.continued == ContinueSignal.count else {
      write("\r\n")
      state.drawn = []
      return
    }
    let rows = rows(of: state)
    let up = rows > 1 ? "\u{1B}[\(rows - 1)A" : ""
    write(start(of: state) + Array(repeating: "\u{1B}[K", count: rows).joined(separator: "\n") + "\r" + up)
    state.drawn = []
  }

  /// The way to the beginning of the block.
  private func start(of state: State) -> String {
    guard !state.drawn.isEmpty else { return "" }
    // What a shell wrote while the process was stopped is not ours to take away.
    guard state.continued == ContinueSignal.count else { return "\r\n" }
    let rows = rows(of: state)
    return "\r" + (rows > 1 ? "\u{1B}[\(rows - 1)A" : "")
  }

  /// The rows that the block takes now: a narrower window has broken its lines.
  private func rows(of state: State) -> Int {
    let columns = max(1, size.columns)
    let rows = state.drawn.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
    return min(rows, max(1, size.rows))
  }

  /// The block's lines, each fitted to the window, and nothing behind them.
  private func drawing(_ state: inout State) -> String {
    let size = size
    // A full line would wrap when the next letter comes, and where it ends then differs from terminal to terminal.
    let lines = state.block.prefix(max(1, size.rows - 1)).map { $0.fitted(columns: max(1, size.columns - 1)) }
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
