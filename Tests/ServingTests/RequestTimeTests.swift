import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Reporting
import Runs
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Serving

/// When a user is recommended to, where the model reads it.
struct RequestTimeTests {
  /// The world's newest event: the last of user 39.
  private static let newest: Int64 = (1_000 * 11 + 39) * 1_000_000

  private func served(_ world: ServedWorld, phase: String = "universal", at time: String? = nil) throws -> ServedModel {
    try ServedModel(try TrainedRun(path: world.run), phase: phase, at: try time.map { try RequestTime($0) })
  }

  private func embedding(_ served: ServedModel, _ extent: ServedModel.HistoryExtent = .all) throws -> [Float] {
    let events = try #require(try Lookup(served.dataset).events(ofUser: "u3"))
    let storage = Storage<Float>(count: served.width)
    let user = Matrix(storage.base, rows: 1, columns: served.width)
    try served.embed([events], history: extent, into: user)
    return user.values
  }

  @Test(arguments: ["universal", "like"]) func itDecidesAndIsTheNewestEventsUnlessGiven(phase: String) throws {
    let world = try ServedWorld.timed()
    let plain = try served(world, phase: phase)
    #expect(plain.requestTime?.microseconds == Self.newest && plain.requestTime?.description == "1970-01-01T03:03:59Z")
    for extent in [ServedModel.HistoryExtent.all, .training] {
      let found = try embedding(plain, extent)
      #expect(try found == embedding(served(world, phase: phase, at: "11039"), extent))
      #expect(try found != embedding(served(world, phase: phase, at: "1999-12-31"), extent))
    }
  }

  @Test func anExportSaysIt() throws {
    let folder = try TemporaryFolder()
    try EmbeddingExport(served(try ServedWorld.timed(), at: "2000-01-01"), version: "1").write(to: folder.file("e"))
    #expect(try String(contentsOfFile: folder.file("e/export.json"), encoding: .utf8).contains("\"request_time\": 946684800"))
  }

  @Test func everyRankKnowsTheNewestEvent() throws {
    let run = try ServedWorld.timed().run
    let found = Mutex<[Int64?]>([])
    try RankThreads.run(ranks: 3) { communicator in
      let served = try ServedModel(try TrainedRun(path: run), communicator: communicator)
      found.withLock { $0.append(served.requestTime?.microseconds) }
    }
    #expect(found.withLock { $0 } == [Self.newest, Self.newest, Self.newest])
  }

  @Test func aModelThatDoesNotReadItRefusesIt() throws {
    let world = try ServedWorld.hashed()
    #expect(try served(world).requestTime == nil)
    #expect(throws: InputError("--at is for models with model.time: request; this one reads no request time")) {
      try served(world, at: "11039")
    }
    #expect(throws: InputError("--at is a time (Unix seconds, 2014-01-31 or 2014-01-31T12:00:00Z), not soon")) {
      try RequestTime("soon")
    }
  }

  @Test func measurementsSayIt() throws {
    for (world, isKnown) in [(try ServedWorld.timed(), true), (try ServedWorld.hashed(), false)] {
      // Measuring writes, and the world is everybody's.
      let folder = try TemporaryFolder()
      try FileManager.default.copyItem(atPath: world.run, toPath: folder.file("run"))
      let run = try TrainedRun(path: folder.file("run"))
      let entries = try RunEvaluation(run).evaluate(try run.phase(named: "like"), .validation)
      #expect(entries.count == 2 && entries.allSatisfy { $0.isRequestTimeKnown == isKnown })
      let line = "\"request_time\": \"\(isKnown ? "known" : "not known")\""
      #expect(entries.allSatisfy { $0.json.indented.contains(line) }, "\(entries[0].json.indented)")
    }
  }
}
