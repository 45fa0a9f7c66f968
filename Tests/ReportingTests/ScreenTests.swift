import Synchronization
import Testing

@testable import Reporting

/// A terminal of a few lines that understands what `Screen` writes: letters, line ends, the cursor up, and erasing.
private final class Terminal: Sendable {
  private struct State {
    var lines = [""]
    var row = 0
    var column = 0
    var columns: Int
    var seconds = 0.0
    /// How often everything was erased while the cursor stood in the corner: a terminal may keep that as history.
    var cleared = 0
  }
  private let state: Mutex<State>

  init(columns: Int) { state = Mutex(State(columns: columns)) }

  /// What stands there, without spaces at the lines' ends.
  var lines: [String] {
    state.withLock { state in
      state.lines.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
    }
  }

  func screen(inColor: Bool = false, inForeground: @escaping @Sendable () -> Bool = { true }) -> Screen {
    Screen(
      isLive: true, usesColor: inColor, size: { [self] in Screen.Size(columns: state.withLock { $0.columns }, rows: 10) },
      isInForeground: inForeground, clock: { [self] in state.withLock { $0.seconds } }, sleep: { [self] in pass($0) },
      write: { [self] in write($0) })
  }

  /// Lets time pass.
  func pass(_ seconds: Double) { state.withLock { $0.seconds += seconds } }

  var cleared: Int { state.withLock { $0.cleared } }

  /// Makes the window narrower or wider; lines are broken anew, as terminals do.
  func resize(to columns: Int) {
    state.withLock { state in
      precondition(state.row == state.lines.count - 1, "the cursor stands at the end")
      state.lines = state.lines.flatMap { line -> [String] in
        guard line.count > columns else { return [line] }
        return stride(from: 0, to: line.count, by: columns).map { String(line.dropFirst($0).prefix(columns)) }
      }
      state.row = state.lines.count - 1
      state.column = state.lines[state.row].count
      state.columns = columns
    }
  }

  private func write(_ text: String) {
    state.withLock { state in
      var rest = Substring(text)
      while let letter = rest.popFirst() {
        switch letter {
        case "\r": state.column = 0
        case "\n", "\r\n":
          state.row += 1
          state.column = 0
          if state.row == state.lines.count { state.lines.append("") }
        case "\u{1B}": Self.obey(&rest, &state)
        default:
          var line = Array(state.lines[state.row])
          while line.count <= state.column { line.append(" ") }
          line[state.column] = letter
          state.lines[state.row] = String(line)
          state.column += 1
        }
      }
    }
  }

  private static func obey(_ rest: inout Substring, _ state: inout State) {
    precondition(rest.popFirst() == "[")
    let number = rest.prefix { $0.isNumber }
    rest = rest.dropFirst(number.count)
    switch rest.popFirst() {
    case "A": state.row = max(0, state.row - (Int(number) ?? 1))
    case "J":
      if state.row == 0 && state.column == 0 { state.cleared += 1 }
      state.lines = Array(state.lines[...state.row])
      state.lines[state.row] = String(state.lines[state.row].prefix(state.column))
    case "K": state.lines[state.row] = String(state.lines[state.row].prefix(state.column))
    case "m": break
    case let other: preconditionFailure("an escape sequence that nobody writes: \(String(describing: other))")
    }
  }
}

struct ScreenTests {
  private func lines(_ texts: String...) -> [StyledLine] { texts.map { StyledLine($0) } }

  @Test func whatIsPrintedStandsAboveTheBlock() {
    let terminal = Terminal(columns: 40)
    let screen = terminal.screen()
    screen.print("begin\n")
    screen.show(lines("step 1", "loss 5"))
    screen.print("step 1: recall 0.2\n")
    #expect(terminal.lines == ["begin", "step 1: recall 0.2", "step 1", "loss 5"])
    screen.show(lines("step 2"))
    #expect(terminal.lines == ["begin", "step 1: recall 0.2", "step 2"])
    screen.show(lines("step 3", "loss 4", "left 0:10"))
    screen.clear()
    screen.print("end\n")
    #expect(terminal.lines.filter { !$0.isEmpty } == ["begin", "step 1: recall 0.2", "end"])
  }

  @Test func nothingFollowsTheLastWords() {
    let terminal = Terminal(columns: 40)
    let screen = terminal.screen()
    screen.print("begin\n")
    screen.show(lines("step 1", "loss 5"))
    screen.end("stopped\n")
    screen.show(lines("step 2"))
    screen.print("step 2 is done\n")
    #expect(terminal.lines.filter { !$0.isEmpty } == ["begin", "stopped"])
  }

  @Test func aBlockThatShrinksLeavesNothing() {
    let terminal = Terminal(columns: 40)
    let screen = terminal.screen()
    screen.show(lines("a long line", "another long one"))
    screen.show(lines("short", "x"))
    #expect(terminal.lines == ["short", "x"])
  }

  /// A window that is made narrower breaks the lines that stand there: they are all taken away.
  @Test(arguments: [39, 30, 20, 12, 100]) func theBlockFollowsTheWindow(columns: Int) {
    let terminal = Terminal(columns: 40)
    let screen = terminal.screen()
    screen.print("kept\n")
    screen.show(lines("123456789 123456789 123456789 12345678", "abc", "123456789 123456789 1234"))
    terminal.resize(to: columns)
    // Somebody is still pulling at it.
    screen.show(lines("new", "block", "now"))
    #expect(!terminal.lines.contains("new") || columns == 40)
    terminal.pass(0.3)
    screen.show(lines("new", "block", "now"))
    #expect(terminal.lines == ["kept", "new", "block", "now"])
    terminal.resize(to: 25)
    // What must be said waits as long as that.
    screen.print("also kept\n")
    #expect(terminal.lines == ["kept", "also kept", "new", "block", "now"])
  }

  @Test func nothingIsErasedFromTheCorner() {
    let terminal = Terminal(columns: 40)
    let screen = terminal.screen()
    for step in 0..<5 {
      screen.show(lines("step \(step)", "loss"))
      screen.show(lines("step \(step)", "loss", "left"))
      screen.show(lines("step \(step)"))
    }
    screen.clear()
    #expect(terminal.cleared == 0 && terminal.lines.allSatisfy(\.isEmpty))
  }

  @Test func linesAreCutToTheWindow() {
    let terminal = Terminal(columns: 10)
    let screen = terminal.screen()
    screen.show(lines("123456789012345") + (0..<20).map { StyledLine("\($0)") })
    #expect(terminal.lines.count == 9 && terminal.lines[0] == "12345678…")
  }

  /// Letters that take two columns count twice.
  @Test func wideLettersAreCutByColumns() {
    #expect(StyledLine("日本語").width == 6)
    #expect(StyledLine("a日本語").fitted(columns: 4).text == "a日…")
  }

  @Test func aHalfLineIsNotRunInto() {
    let terminal = Terminal(columns: 40)
    let screen = terminal.screen()
    screen.show(lines("block"))
    screen.print("half a ")
    #expect(terminal.lines == ["half a "].map { String($0.dropLast()) })
    screen.print("line\n")
    #expect(terminal.lines == ["half a line", "block"])
  }

  @Test func aJobInTheBackgroundDrawsNothing() {
    let terminal = Terminal(columns: 40)
    final class Place: Sendable { let value = Mutex(true) }
    let place = Place()
    let screen = terminal.screen(inForeground: { place.value.withLock { $0 } })
    place.value.withLock { $0 = false }
    screen.show(lines("block"))
    screen.print("a result\n")
    #expect(terminal.lines == ["a result", ""])
    place.value.withLock { $0 = true }
    screen.show(lines("block"))
    #expect(terminal.lines == ["a result", "block"])
  }

  @Test func aPipeGetsNoBlock() {
    final class Heard: Sendable { let text = Mutex("") }
    let heard = Heard()
    let screen = Screen(
      isLive: false, size: { .init(columns: 80, rows: 24) }, write: { text in heard.text.withLock { $0 += text } })
    screen.show(lines("block"))
    screen.print("line\n")
    screen.clear()
    #expect(heard.text.withLock { $0 } == "line\n")
  }

  @Test func colorsOnlyWhereTheyAreWanted() {
    var line = StyledLine("universal", .bold)
    line.append(" 45 %")
    #expect(line.rendered(inColor: false) == "universal 45 %")
    #expect(line.rendered(inColor: true) == "\u{1B}[1muniversal\u{1B}[0m 45 %")
    // What comes from data must not steer the terminal.
    #expect(!StyledLine("a\u{1B}[2Jb").rendered(inColor: true).contains("\u{1B}"))
  }

  @Test func longNotesAreBrokenAtSpaces() {
    #expect(TextTable.wrapped("one two three four five", columns: 15, indent: 2) == "one two three\n  four five")
    #expect(TextTable.wrapped("data    one two three four", columns: 18, indent: 2) == "data    one two\n  three four")
    #expect(TextTable.wrapped("short\nlines", columns: 15, indent: 2) == "short\nlines")
    #expect(TextTable.wrapped("a_word_without_any_space_in_it", columns: 15, indent: 0) == "a_word_without_any_space_in_it")
  }
}
