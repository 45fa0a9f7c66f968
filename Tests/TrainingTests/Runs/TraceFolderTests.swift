import Collectives
import Config
import Costs
import Files
import Foundation
import Host
import Model
import TestSupport
import Testing

@testable import Runs

/// Traces as a viewer reads them.
@Suite struct TraceFolderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private struct Trace: Decodable {
    struct Event: Decodable {
      struct Arguments: Decodable {
        var step: Int?
        var name: String?
      }
      let ph: String
      let pid: Int
      let tid: Int
      let name: String
      var cat: String?
      var ts: Int?
      var dur: Int?
      var args: Arguments?
    }
    struct Facts: Decodable {
      let rank: Int
      let ranks: Int
      let spans: Int
      let droppedSpans: Int
    }
    let traceEvents: [Event]
    let otherData: Facts

    /// Complete events of a category.
    func events(_ category: String, _ name: String? = nil) -> [Event] {
      traceEvents.filter { $0.ph == "X" && $0.cat == category && (name == nil || $0.name == name) }
    }
  }

  private func read(_ path: String) throws -> Trace {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Trace.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Every event begins inside of those that are open then and ends before them, in the file's order.
  private func expectNesting(_ trace: Trace) {
    var open: [Int] = []
    var last = 0
    for event in trace.traceEvents where event.ph == "X" {
      guard let start = event.ts, let duration = event.dur, duration >= 0, start >= last else {
        Issue.record("\(event) after \(last)")
        return
      }
      while let end = open.last, end <= start, end < start + duration || end < start { open.removeLast() }
      #expect(open.allSatisfy { start + duration <= $0 }, "\(event) ends behind what it is in")
      open.append(start + duration)
      last = start
    }
  }

  private func bench(_ steps: Int, targeted: Bool = false, _ communicator: any Communicator) throws -> Benchmark.Result {
    var (config, bench) = (RunConfig(), BenchConfig())
    (config.model.idDim, config.model.semanticDim, config.model.length, config.batch.users) = (4, 4, 6, 8)
    config.universal.negatives = .count(16)
    (bench.items, bench.tokens, bench.tokenDim) = (50, 3, 8)
    config.bench = bench
    return try Benchmark(config, targeted: targeted ? TargetedConfig() : nil)
      .run(steps: steps, warmup: 1, communicator: communicator)
  }

  @Test(arguments: [1, 2, 3], [false, true]) func everyStepHasItsParts(ranks: Int, targeted: Bool) throws {
    let trace = try TraceFolder(path: folder.file("a/trace/"))
    try RankThreads.run(ranks: ranks) { communicator in
      let (_, dropped) = try trace.record(communicator) { try bench(4, targeted: targeted, communicator) }
      #expect(dropped == 0 && communicator.state.timeline == nil)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: trace.path).count == ranks)
    var origins: [Int] = []
    for rank in 0..<ranks {
      let read = try read(trace.file(of: rank))
      #expect(read.otherData.rank == rank && read.otherData.ranks == ranks && read.otherData.droppedSpans == 0)
      #expect(read.traceEvents.allSatisfy { $0.pid == rank && $0.tid == rank })
      #expect(read.traceEvents.contains { $0.ph == "M" && $0.name == "process_name" && $0.args?.name == "rank \(rank)" })
      #expect(read.otherData.spans == read.traceEvents.filter { $0.ph == "X" }.count)
      expectNesting(read)
      #expect(read.events("step").compactMap { $0.args?.step } == [1, 2, 3, 4, 5])
      #expect(read.events("phase").map(\.name).count == 1)
      for step in 1...5 {
        let parts = read.events("part").filter { $0.args?.step == step }.map(\.name)
        // Filling the batch takes two turns: for this step, and for the next.
        #expect(parts == ["batch", "embed", "batch", "encode", "loss", "encodeBackward", "items", "reduce", "dense"])
      }
      #expect(ranks == 1 || !read.events("waiting").isEmpty)
      origins.append(try #require(read.events("step").first?.ts))
    }
    // Ranks agree on the time: their first steps overlap, for none can end before the others have begun.
    let first = try read(trace.file(of: 0)).events("step")[0]
    #expect(origins.allSatisfy { $0 < origins[0] + (first.dur ?? 0) })
  }

  @Test func whatHasNoRoomIsCounted() throws {
    let trace = try TraceFolder(path: folder.file("trace"))
    let solo = SoloCommunicator()
    let dropped = try trace.record(solo, capacity: 20) { try bench(4, solo) }.dropped
    let read = try read(trace.file(of: 0))
    // Nine parts and the step itself, five times; the phase has its own room.
    #expect(read.events("part").count + read.events("step").count + read.events("waiting").count == 20)
    #expect(read.events("phase").count == 1 && read.otherData.droppedSpans == dropped && dropped >= 30)
    expectNesting(read)
  }

  @Test func aFailureLeavesItsTrace() throws {
    let trace = try TraceFolder(path: folder.file("trace"))
    let solo = SoloCommunicator()
    #expect(throws: InputError.self) {
      _ = try trace.record(solo) {
        _ = try bench(2, solo)
        throw InputError("enough")
      }
    }
    #expect(try read(trace.file(of: 0)).events("step").count == 3)
  }

  @Test func phasesAreEscaped() throws {
    let (timeline, path) = (Timeline(capacity: 4), folder.file("t.json"))
    Timeline.record("phase", "a \"b\"\\\n", on: timeline) {}
    try TraceFile(timeline: timeline, rank: 12, ranks: 13, backend: "none").write(to: path)
    #expect(try read(path).events("phase").map(\.name) == ["a \"b\"\\\n"])
    #expect(try TraceFolder(path: folder.path).file(of: 12).hasSuffix("/rank-0012.json"))
  }

  @Test func foldersThatCannotBe() throws {
    try folder.write("file", "")
    for path in [folder.file("file"), folder.file("file/trace"), folder.file("file/a/b"), "", "/proc/none/trace"] {
      #expect(throws: InputError.self, "\(path)") {
        let trace = try TraceFolder(path: path)
        _ = try trace.record(SoloCommunicator()) {}
      }
    }
    #expect(try folder.names() == ["file"])
  }

  @Test func ranksThatTheJobHasNotAreNotMixedIn() throws {
    try folder.write("rank-0002.json", "{}")
    for name in ["rank-2.json", "rank-x.json", "rank-0001.json", "else"] { try folder.write(name, "{}") }
    let trace = try TraceFolder(path: folder.path)
    try trace.check(ranks: 3)
    let error = #expect(throws: InputError.self) { try trace.check(ranks: 2) }
    #expect(error.map { "\($0)".contains("rank-0002.json") } == true)
    try TraceFolder(path: folder.file("new")).check(ranks: 1)
  }
}
