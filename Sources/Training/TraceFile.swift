import Collectives
import Files
import Reporting

/// A timeline in Chrome's trace event format, which ui.perfetto.dev and chrome://tracing open.
///
/// A rank is a process of one thread; each span is a complete event (`"ph":"X"`). Times are whole microseconds since 1970, the
/// format's unit, rounded down: what lay inside still lies inside, and no reader's floating point changes that. docs/tracing.md.
struct TraceFile {
  let timeline: Timeline
  let rank: Int
  let ranks: Int
  let carrier: String

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
      .init("rank", .int(rank)), .init("ranks", .int(ranks)), .init("carrier", .string(carrier)),
      .init("host", .string(TensorBoardWriter.hostName())), .init("spans", .int(timeline.spans.count)),
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
