import Foundation
import Testing

@testable import Files
@testable import Reporting

/// A folder of a test's own, removed afterwards.
func withFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("reporting-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

struct MetricsLogTests {
  /// A line with a step and nothing else to say.
  private func checkpoint(_ step: Int) -> CheckpointRecord {
    CheckpointRecord(phase: "universal", step: step, milliseconds: .nan, isAsynchronous: true)
  }

  @Test func linesAreWholeAtOnceAndKeysKeepTheirOrder() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let log = try MetricsLog(path: path)
      try log.append(checkpoint(1), time: 12.34567)
      // Read while the log is open: a line must not wait in a buffer.
      let line = "{\"phase\":\"universal\",\"step\":1,\"checkpoint_ms\":null,\"asynchronous\":true,\"time\":12.346}\n"
      #expect(try String(contentsOfFile: path, encoding: .utf8) == line)
      try log.append(checkpoint(2), time: 13)
      #expect(try String(contentsOfFile: path, encoding: .utf8).hasSuffix(",\"time\":13.0}\n"))
    }
  }

  @Test func aFullDiskIsAnError() throws {
    let log = try MetricsLog(path: "/dev/full")
    let error = #expect(throws: InputError.self) { try log.append(checkpoint(1)) }
    #expect(error?.description.contains("No space left on device; make room on the disk and resume") == true)
  }

  @Test func aResumedRunClosesAHalfWrittenLine() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      try Data("{\"step\":1}\n{\"st".utf8).write(to: URL(fileURLWithPath: path))
      try MetricsLog(path: path).append(checkpoint(2))
      try MetricsLog(path: path).append(checkpoint(3))
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      #expect(lines.count == 4 && lines[..<2] == ["{\"step\":1}", "{\"st"] && lines[2].contains("\"step\":2,"))
    }
  }

  @Test func onlyLinesThatStayAreKept() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let line = { (phase: String, step: Int) in "{\"phase\":\"\(phase)\",\"step\":\(step)}\n" }
      let all = line("universal", 1) + line("like", 1) + "not a line\n" + line("share", 1) + line("like", 2) + "{\"phase\":\"sha"
      for (gone, rest) in [
        ("like", line("universal", 1) + "not a line\n" + line("share", 1)),
        ("share", line("universal", 1) + line("like", 1) + "not a line\n" + line("like", 2)), ("none", String(all.dropLast(13))),
        ("universal", line("like", 1) + "not a line\n" + line("share", 1) + line("like", 2)),
      ] {
        try Data(all.utf8).write(to: URL(fileURLWithPath: path))
        try MetricsLog.keep(path: path) { $0.phase != gone }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == rest, "\(gone)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["metrics.jsonl"])
      }
      try MetricsLog.keep(path: path) { _ in false }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)).isEmpty)
      try MetricsLog.keep(path: folder + "/none") { _ in false }
    }
  }

  @Test func unwritablePathsAreNamed() {
    #expect(throws: InputError.self) { try MetricsLog(path: "/nowhere/metrics.jsonl") }
    #expect(throws: InputError.self) { try MetricsLog(path: "/tmp") }
  }

  @Test func aFullDiskIsSaid() throws {
    let log = try MetricsLog(path: "/dev/full")
    #expect(throws: InputError("/dev/full: cannot be written: No space left on device; make room on the disk and resume")) {
      try log.append(checkpoint(2))
    }
  }

  @Test func jsonAsFoundationReadsIt() throws {
    let hostile = "q\"b\\n\nt\tz\u{0}\u{1F}\u{7F}\u{2028}é🙂/"
    let value: JSONValue = ["text": .string(hostile), hostile: [1, -2.5, 1e300, true, nil, [:], []], "big": .int(.max)]
    for text in [value.line, value.indented] {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      #expect(object["text"] as? String == hostile)
      #expect(object["big"] as? Int == .max)
      #expect((object[hostile] as? [Any])?.count == 7)
    }
    #expect(!value.line.contains("\n"))
    #expect((["a": [1, 2], "b": [:]] as JSONValue).indented == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}")
  }
}
