import Logging
import Synchronization
import Testing

@testable import Reporting

struct ConsoleLogHandlerTests {
  private func lines(_ verbosity: Verbosity) -> [String] {
    let heard = Heard()
    let console = Console(verbosity: verbosity, isTerminal: false, output: { _ in }, error: { heard.append($0) })
    let logger = Logger(label: "test") { _ in ConsoleLogHandler(console) }
    logger.warning("shards are empty", metadata: ["count": "3", "a": "b"])
    logger.debug("detail")
    return heard.lines
  }

  @Test func warningsAreNotesAndDetailsNeedVerbose() {
    #expect(lines(.quiet) == [])
    #expect(lines(.normal) == ["warning: shards are empty (a b, count 3)\n"])
    #expect(lines(.verbose) == ["warning: shards are empty (a b, count 3)\n", "detail\n"])
  }

  private final class Heard: Sendable {
    private let all = Mutex<[String]>([])
    func append(_ line: String) { all.withLock { $0.append(line) } }
    var lines: [String] { all.withLock { $0 } }
  }
}
