import Files
import Testing

@testable import Files
@testable import Reporting

struct ConsoleTests {
  @Test(arguments: [
    (Verbosity.quiet, ["error: e\n"]), (.normal, ["n\n", "error: e\n"]), (.verbose, ["n\n", "d\n", "error: e\n"]),
  ])
  func eachVerbosityHearsItsShare(verbosity: Verbosity, heard: [String]) {
    let recorder = Recorder()
    let console = recorder.console(verbosity)
    console.result("r")
    console.note("n")
    console.detail("d")
    console.failure("e")
    #expect(recorder.output == ["r\n"])
    #expect(recorder.error == heard)
  }

  @Test func controlCharactersOfATitleAreShown() {
    #expect(printable("a\u{1B}[31mb\nc\u{9B}") == "a\u{FFFD}[31mb\u{FFFD}c\u{FFFD}")
    #expect(printable("Amélie 映画 🎬") == "Amélie 映画 🎬")
  }

  @Test func tableColumnsAlign() {
    var table = TextTable([("phase", .left), ("recall@10", .right), ("title", .left)])
    table.append(["universal", "0.2941", "Heat"])
    table.append(["映画", "1.0", ""])
    #expect(
      table.lines == [
        "phase      recall@10  title",
        "universal     0.2941  Heat",
        "映画             1.0",
      ])
  }
}
