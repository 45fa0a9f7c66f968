package import Collectives
import Files
import Foundation
import Host

/// Where every rank leaves a trace of what it did when: `rank-0000.json` and so on, written when its work ends.
package struct TraceFolder: Sendable {
  /// The folder; made when the work begins.
  package let path: String

  /// Names a folder.
  ///
  /// Throws `InputError` when it cannot be one, so that this does not show only after hours of training.
  package init(path: String) throws {
    self.path = OutputFolder.withoutTrailingSlash(path)
    var folder = URL(fileURLWithPath: self.path).standardizedFileURL
    while access(folder.path, F_OK) != 0, errno == ENOENT, folder.path != "/" { folder.deleteLastPathComponent() }
    var isFolder: ObjCBool = false
    guard !path.isEmpty, FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else {
      throw InputError("the trace cannot be written to \(path), which is no folder; name another one with --trace")
    }
    guard access(folder.path, W_OK | X_OK) == 0 else {
      throw InputError("the trace cannot be written to \(path): \(systemReason()); name another --trace folder")
    }
  }

  /// The file of a rank.
  package func file(of rank: Int) -> String { "\(path)/\(Self.name(rank))" }

  /// Throws `InputError` when the folder holds files of ranks that this job does not have: they would be opened with its own.
  package func check(ranks: Int) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let foreign = names.sorted().first { name in
      guard name.hasPrefix("rank-"), name.hasSuffix(".json"), let rank = Int(name.dropFirst(5).dropLast(5)) else { return false }
      return rank >= ranks && name == Self.name(rank)
    }
    guard let foreign else { return }
    throw InputError("\(path) holds the trace of a job of more ranks (\(foreign)); name another --trace folder")
  }

  /// Runs a rank's work with a timeline, and writes that, whether the work ended well or with an error.
  ///
  /// Returns what the work returned, and how many spans the file does not have.
  package func record<Result>(
    _ communicator: any Communicator, capacity: Int = Timeline.defaultCapacity, _ body: () throws -> Result
  ) throws -> (result: Result, dropped: Int) {
    let timeline = Timeline(capacity: capacity)
    try make()
    communicator.state.timeline = timeline
    defer { communicator.state.timeline = nil }
    let result: Result
    do {
      result = try body()
    } catch {
      // That the trace of a failure cannot be written must not hide the failure.
      try? write(timeline, communicator)
      throw error
    }
    try write(timeline, communicator)
    return (result, timeline.dropped)
  }

  /// Made once: a folder that is removed while the work goes on, perhaps with the run that it lies in, does not come back.
  private func make() throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw InputError("the trace folder \(path) cannot be made: \(systemReason(error))")
    }
  }

  private func write(_ timeline: Timeline, _ communicator: any Communicator) throws {
    try TraceFile(timeline: timeline, rank: communicator.rank, ranks: communicator.size, backend: communicator.backend)
      .write(to: file(of: communicator.rank))
  }

  private static func name(_ rank: Int) -> String {
    let digits = String(rank)
    return "rank-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".json"
  }
}

/// A timeline in Chrome's trace event format, which ui.perfetto.dev and chrome://tracing open.
///
/// A rank is a process of one thread; each span is a complete event (`"ph":"X"`). Times are whole microseconds since 1970, the
/// format's unit, rounded down: what lay inside still lies inside, and no reader's floating point changes that. docs/tracing.md.
struct TraceFile {
  let timeline: Timeline
  let rank: Int
  let ranks: Int
  let backend: String

  /// Writes the file whole or not at all.
  func write(to path: String) throws {
    var file = try AtomicFile(path: path)
    try file.write("{\"displayTimeUnit\":\"ms\",\"otherData\":\(facts.line),\"traceEvents\":[\n")
    try file.write(names.map(\.line).joined(separator: ",\n"))
    let starts = timeline.labels.map { label in
      // An event's fixed part, its brace left open.
      ",\n"
        + JSONValue.object([
          .init("ph", "X"), .init("pid", .int(rank)), .init("tid", .int(rank)), .init("cat", .string(label.category)),
          .init("name", .string(label.name)),
        ]).line.dropLast()
    }
    for span in outerFirst {
      let (start, end) = (microseconds(span.start), microseconds(span.end))
      let step = span.step > 0 ? ",\"args\":{\"step\":\(span.step)}" : ""
      try file.write("\(starts[span.label]),\"ts\":\(start),\"dur\":\(end - start)\(step)}")
    }
    try file.write("\n]}\n")
    try file.commit()
  }

  private var facts: JSONValue {
    .object([
      .init("rank", .int(rank)), .init("ranks", .int(ranks)), .init("backend", .string(backend)),
      .init("host", .string(Machine.host)), .init("spans", .int(timeline.spans.count)),
      .init("dropped_spans", .int(timeline.dropped)),
    ])
  }

  /// What viewers call the rank, and where they put it.
  private var names: [JSONValue] {
    func name(_ event: String, _ key: String, _ value: JSONValue) -> JSONValue {
      .object([
        .init("ph", "M"), .init("pid", .int(rank)), .init("tid", .int(rank)), .init("name", .string(event)),
        .init("args", .object([.init(key, value)])),
      ])
    }
    return [
      name("process_name", "name", .string("rank \(rank)")), name("process_sort_index", "sort_index", .int(rank)),
      name("thread_name", "name", "steps"),
    ]
  }

  /// Spans by start, the outer one first where two start alike: of those that end alike too, it was recorded last.
  private var outerFirst: [Timeline.Span] {
    timeline.spans.enumerated()
      .sorted { ($0.element.start, $1.element.end, $1.offset) < ($1.element.start, $0.element.end, $0.offset) }
      .map(\.element)
  }

  private func microseconds(_ time: UInt64) -> UInt64 { (Timeline.sinceEpoch + time) / 1000 }
}
