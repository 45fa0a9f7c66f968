import ArgumentParser
import Collectives
import Datasets
import Files
import Foundation
import Preparation
import Reporting
import Runs
import Serving

/// Events beside those of the data set: shared by the commands that serve users.
struct EventOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Serve the users of these events, given now: columns item and, where known, user, timestamp, scene, behavior.",
      discussion:
        "csv, tsv, jsonl or parquet by the file's name, a folder of parts or a pattern; .gz; - is standard input. Without a column user all "
        + "rows are one visit.",
      valueName: "file"), completion: .file())
  var events: String?
  @Option(
    name: .customLong("columns"),
    help: ArgumentHelp("Names of the columns of --events, such as user=uid,item=iid,timestamp=ts.", valueName: "names"),
    transform: { text in try usage { try ColumnNames(text) } })
  var columns: ColumnNames?
  @Option(
    help:
      "The unit of times in --events that are numbers: seconds, milliseconds, microseconds or nanoseconds. (default: seconds)",
    completion: .values(of: TimeUnit.self), transform: TimeUnit.parse)
  var timeUnit: TimeUnit?
  @Flag(inversion: .prefixedNo, help: "Read the data set's events of a user of --events before those of the file; default: yes.")
  var joinEvents: Bool?

  func validate() throws {
    guard events == nil else { return }
    let flags = [("--columns", columns != nil), ("--time-unit", timeUnit != nil), ("--join-events", joinEvents != nil)]
    if let flag = flags.first(where: \.1) { throw ValidationError("\(flag.0) goes with --events") }
  }

  /// Reads the events and says what they are; nil when there are none to be read.
  ///
  /// - Parameter time: when users are recommended to, which is when events without a time happened.
  func read(_ run: TrainedRun, at time: RequestTime?, _ console: Console) throws -> FreshEvents? {
    guard let events else { return nil }
    let launch = Launch.detect(ProcessInfo.processInfo.environment)
    guard events != "-" || (launch?.size ?? 1) == 1 else {
      throw CommandFailure(PreciseExit.usage, "--events - is for one process: a launcher passes it on to one only; name a file")
    }
    // Each process reads the file; one speaks.
    let console = (launch?.rank ?? 0) == 0 ? console : Console(verbosity: .quiet)
    var options = FreshEvents.Options()
    (options.columns, options.timeUnit) = (columns ?? options.columns, timeUnit ?? options.timeUnit)
    (options.joins, options.now) = (joinEvents ?? true, time?.microseconds)
    let fresh = try FreshEvents(path: events, dataset: run.dataset, options: options)
    let known = fresh.users.count(where: \.isKnown)
    let users = "\(HumanFormat.count(fresh.rows, "event")) of \(HumanFormat.count(fresh.users.count, "user"))"
    console.note(
      "\(users), \(HumanFormat.count(known)) of whom the data set has\(known > 0 && options.joins ? " events of" : "")")
    if let first = fresh.firstUnknown {
      console.note(
        "warning: \(HumanFormat.count(fresh.unknownRows, "event")) on items that the data set lacks (the first: \(printable(first))) are left "
          + "out; a data set that precise prepare --append makes has them, to be given with --data")
    }
    return fresh
  }
}
