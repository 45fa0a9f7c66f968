import Collectives
import Evaluation
import Files
import Foundation
import Runs
import Synchronization
import TestSupport
import Testing

@testable import Config
@testable import Serving

/// Files are compared byte for byte, metrics digit for digit.
struct ServingRanksTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A folder's files by name.
  private func contents(_ path: String) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    return try Dictionary(uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)"))) })
  }

  /// Serves a copy of the world's run on some ranks; with `streams` none of them may hold the catalogue.
  private func serve(
    _ world: ServedWorld, ranks: Int, streams: Bool, phase: String,
    _ body: @escaping @Sendable (ServedModel) throws -> Void
  ) throws {
    let run = streams ? try copy(world, catalogueMib: 0) : world.run
    try RankThreads.run(ranks: ranks) { communicator in
      let served = try ServedModel(try TrainedRun(path: run), phase: phase, communicator: communicator, mayStream: true)
      #expect(served.catalogue.isWhole == !streams)
      try body(served)
    }
  }

  private func copy(_ world: ServedWorld, catalogueMib: Int) throws -> String {
    let path = folder.file("run")
    guard !FileManager.default.fileExists(atPath: path) else { return path }
    try FileManager.default.copyItem(atPath: world.run, toPath: path)
    var config = try ConfigReader.read(file: "\(path)/config.yaml")
    config.evaluation.catalogueMib = catalogueMib
    try Data(ConfigWriter.text(config).utf8).write(to: URL(fileURLWithPath: "\(path)/config.yaml"))
    return path
  }

  @Test(arguments: ["universal", "like"], [EmbeddingFormat.safetensors, .jsonl])
  func exportsAreTheSameBytes(phase: String, format: EmbeddingFormat) throws {
    let world = try ServedWorld.hashed()
    let new = try folder.write("new.csv", "item,text\nnew,red thing\nnewer,blue thing\n")
    var expected: [String: Data]?
    for (ranks, streams) in [(1, false), (1, true), (2, false), (2, true), (3, false), (3, true)] {
      let path = folder.file("export-\(ranks)-\(streams)")
      try serve(world, ranks: ranks, streams: streams, phase: phase) { served in
        var export = EmbeddingExport(served, version: "1.2.3")
        (export.format, export.created) = (format, 1_700_000_000)
        // The list of new items is rank 0's.
        let newItems = served.communicator.rank == 0 ? try NewItems(path: new, states: nil, served: served) : nil
        let rows = Mutex(0)
        try export.write(to: path, newItems: newItems) { count in rows.withLock { $0 += count } }
        let written = served.communicator.rank == 0 ? ServedWorld.users + ServedWorld.items + 2 : 0
        #expect(rows.withLock { $0 } == written)
      }
      var found = try contents(path)
      // Where a run lies is said; its copy lies elsewhere.
      for name in [EmbeddingExport.recordName, ModelCard.fileName] {
        let text = String(decoding: found[name] ?? Data(), as: UTF8.self)
        found[name] = Data(text.replacing(folder.file("run"), with: world.run).utf8)
      }
      #expect(found.count == (format == .jsonl ? 4 : 6))
      expected = expected ?? found
      #expect(found == expected, "\(ranks) ranks, streamed: \(streams)")
    }
  }

  @Test(arguments: ["universal", "like"]) func scoresAreTheSameBytes(phase: String) throws {
    let world = try ServedWorld.hashed()
    // Three blocks, so that ranks take turns; some pairs are unknown.
    let pairs = (0..<2 * PairScorer.blockPairs + 100).map { "u\($0 * 7 % (ServedWorld.users + 1)),i\($0 * 11 % 31)\n" }
    let path = try folder.write("pairs.csv", "user,item\n" + pairs.joined())
    var expected: Data?
    for (ranks, streams) in [(1, false), (1, true), (2, false), (2, true), (3, true), (5, false)] {
      let output = folder.file("scores-\(ranks)-\(streams).csv")
      try serve(world, ranks: ranks, streams: streams, phase: phase) { served in
        let summary = try PairScorer(served).score(pairs: path, to: output)
        #expect(summary.pairs == (served.communicator.rank == 0 ? pairs.count : 0))
        #expect((summary.unknownPairs > 0) == (served.communicator.rank == 0))
      }
      let found = try Data(contentsOf: URL(fileURLWithPath: output))
      expected = expected ?? found
      #expect(found == expected, "\(ranks) ranks, streamed: \(streams)")
    }
  }

  @Test func aDamagedPairEndsEveryRank() throws {
    let world = try ServedWorld.hashed()
    let path = try folder.write("pairs.csv", "user,item\nu1,i1\nu1\n")
    let output = folder.file("scores.csv")
    let failure = #expect(throws: RankFailure.self) {
      try serve(world, ranks: 3, streams: false, phase: "like") { _ = try PairScorer($0).score(pairs: path, to: output) }
    }
    #expect(failure?.rank == 0 && failure?.cause is InputError)
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func runsAreMeasuredTheSame() throws {
    let world = try ServedWorld.hashed()
    _ = try copy(world, catalogueMib: 0)
    let run = folder.file("run")
    let record = "\(run)/evaluation.json"
    var expected: Data?
    for ranks in [1, 2, 3] {
      try? FileManager.default.removeItem(atPath: record)
      try RankThreads.run(ranks: ranks) { communicator in
        let trained = try TrainedRun(path: run)
        for plan in try trained.trainedPhases {
          let entries = try RunEvaluation(trained, communicator: communicator).evaluate(plan, .test)
          #expect(entries.count == (plan.kind.isUniversal ? 1 : 2))
        }
      }
      let found = try Data(contentsOf: URL(fileURLWithPath: record))
      expected = expected ?? found
      #expect(found == expected)
    }
  }
}
