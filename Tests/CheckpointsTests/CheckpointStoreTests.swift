import Files
import Foundation
import TestSupport
import Testing

@testable import Checkpoints

struct CheckpointStoreTests {
  private let folder: TemporaryFolder
  private let store: CheckpointStore

  init() throws {
    folder = try TemporaryFolder()
    store = CheckpointStore(path: folder.file("universal"))
  }

  /// Puts down a checkpoint of a step: a folder with a manifest.
  private func add(_ step: Int, score: Double?) throws {
    try FileManager.default.createDirectory(atPath: store.path(step: step), withIntermediateDirectories: true)
    let manifest = CheckpointManifest(
      phase: "universal", step: step, steps: 60, epoch: 0, updates: step, isEvaluated: true, dataset: "", items: 3,
      selectedBy: score == nil ? nil : "mrr", score: score)
    try manifest.sealed().write(to: URL(fileURLWithPath: "\(store.path(step: step))/\(CheckpointManifest.fileName)"))
  }

  private var steps: [Int] { store.all().map(\.manifest.step) }

  @Test func namesSortAsSteps() throws {
    for step in [100_000_000, 20, 3, 99_999_999, 1_000_000_000] { try add(step, score: nil) }
    #expect(store.path(step: 3).hasSuffix("/step-00000003"))
    #expect(steps == [3, 20, 99_999_999, 100_000_000, 1_000_000_000])
    #expect(try store.result()?.manifest.step == 1_000_000_000)
    for name in ["step-", "step-x1", "step--1", "step-9\u{0301}"] {
      try FileManager.default.createDirectory(atPath: "\(store.path)/\(name)", withIntermediateDirectories: true)
    }
    #expect(store.paths().count == 5)
  }

  @Test func aReadCheckpointIsNotPruned() throws {
    for step in [10, 20, 30] {
      try add(step, score: nil)
      try Data("x".utf8).write(to: URL(fileURLWithPath: "\(store.path(step: step))/\(CheckpointManifest.dense)"))
    }
    var held = try #require(try store.heldResult())
    #expect(held.checkpoint.manifest.step == 30 && held.hold != nil)
    try add(40, score: nil)
    try store.prune(last: 1, best: 0)
    #expect(steps == [30, 40])
    held.hold = nil
    try store.prune(last: 1, best: 0)
    #expect(steps == [40])
  }

  @Test func theResultIsTheBestElseTheNewest() throws {
    #expect(try store.result() == nil)
    try add(10, score: nil)
    try add(20, score: nil)
    #expect(try store.result()?.manifest.step == 20)
    try add(5, score: 0.1)
    #expect(try store.result()?.manifest.step == 5)
    try add(30, score: 0.3)
    try add(40, score: 0.2)
    #expect(try store.result()?.manifest.step == 30)
    // Of equal scores the earlier: later steps bought nothing.
    try add(50, score: 0.3)
    #expect(try store.result()?.manifest.step == 30)
    try add(60, score: 0)
    #expect(try store.result()?.manifest.step == 30)
  }

  @Test(arguments: [
    (1, 1, [30, 60]), (2, 0, [50, 60]), (1, 2, [20, 30, 60]), (3, 1, [30, 40, 50, 60]), (0, 0, [60]),
    (9, 9, [10, 20, 30, 40, 50, 60]),
  ])
  func pruningKeepsTheNewestAndTheBest(last: Int, best: Int, kept: [Int]) throws {
    for (step, score) in [(10, 0.1), (20, 0.4), (30, 0.5), (40, nil), (50, 0.4), (60, 0.2)] as [(Int, Double?)] {
      try add(step, score: score)
    }
    try store.prune(last: last, best: best)
    #expect(steps == kept)
    #expect(try store.result()?.manifest.step == (best > 0 ? 30 : kept.contains(50) ? 50 : 60))
  }

  @Test func halfWrittenOnesDoNotCount() throws {
    try add(10, score: 0.1)
    for name in ["step-00000020", ".step-00000030.0A1B2C3D.tmp", "other"] {
      try FileManager.default.createDirectory(atPath: "\(store.path)/\(name)", withIntermediateDirectories: true)
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: "\(store.path(step: 10))/\(CheckpointManifest.fileName)"))
    try whole.write(to: URL(fileURLWithPath: "\(store.path)/.step-00000030.0A1B2C3D.tmp/\(CheckpointManifest.fileName)"))
    try FileManager.default.createDirectory(atPath: store.path(step: 40), withIntermediateDirectories: true)
    try whole.dropLast(9).write(to: URL(fileURLWithPath: "\(store.path(step: 40))/\(CheckpointManifest.fileName)"))
    #expect(steps == [10])
    // It may have been the best.
    let error = #expect(throws: InputError.self) { try store.result() }
    #expect(error?.description.contains("moving \(store.path(step: 40)) away") == true)
    try FileManager.default.removeItem(atPath: store.path(step: 40))
    #expect(try store.result()?.manifest.step == 10)
  }
}
