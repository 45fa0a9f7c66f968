import ArgumentParser
import Collectives
import Files
import Reporting
import Runs

/// Whether a command's ranks leave a trace of what they did when: shared by the commands that train.
struct TraceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write what each rank did when, for ui.perfetto.dev.",
      discussion: "rank-0000.json and so on, in Chrome's trace event format; see docs/tracing.md.", valueName: "folder"),
    completion: .directory)
  var trace: String?

  /// The folder, when a trace is wanted.
  ///
  /// Throws `InputError` when it cannot be one.
  func folder() throws -> TraceFolder? { try trace.map { try TraceFolder(path: $0) } }
}

extension TraceFolder? {
  /// Runs a rank's work, with a trace when one is wanted, and says where that is.
  func record<Result>(_ communicator: any Communicator, _ console: Console, _ body: () throws -> Result) throws -> Result {
    guard let self else { return try body() }
    let (result, dropped) = try self.record(communicator, body)
    console.note(
      "the trace of \(communicator.size == 1 ? "the rank" : "each rank") is in \(self.path); open it in ui.perfetto.dev")
    if dropped > 0 {
      console.note("warning: the trace was full; it lacks the last \(HumanFormat.count(dropped)) of rank 0's spans")
    }
    return result
  }
}
