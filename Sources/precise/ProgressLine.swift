import Glibc

/// Progress of work whose end is known, on stderr: one line that renews itself on a terminal, a plain line every
/// ten seconds elsewhere; nothing for work that ends sooner.
struct ProgressLine {
  private let total: Int
  private let unit: String
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var shown = ContinuousClock.now
  private var hasShown = false

  init(total: Int, unit: String, isQuiet: Bool) {
    self.total = total
    self.unit = unit
    self.isQuiet = isQuiet
  }

  /// Shows how much is done, if it is time to.
  mutating func show(_ done: Int) {
    let now = ContinuousClock.now
    guard !isQuiet, now - shown >= (isTerminal ? .milliseconds(250) : .seconds(10)) else { return }
    shown = now
    hasShown = true
    let rate = Double(done) / max((now - start) / .seconds(1), 1e-3)
    let left = Int(Double(total - done) / max(rate, 1e-9))
    let line = "\(done) of \(total) \(unit), \(Int(rate)) \(unit)/s, \(left) s left"
    if isTerminal { printPart("\r\u{1B}[K\(line)") } else { printToError(line) }
  }

  /// Clears the terminal's line.
  func end() {
    if isTerminal && hasShown { printPart("\r\u{1B}[K") }
  }

  private func printPart(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
