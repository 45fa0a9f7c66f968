import Checkpoints
import Collectives
import Config
import Datasets
import Files
import Foundation
import Model
import Preparation
import Synchronization
import Tensors
import TestSupport
import Testing
import Training

@testable import Costs
@testable import Runs

/// Items that no training event shows: in no batch, never a negative, and their rows stay as they began, on any number of ranks.
struct UntrainedItemsTests {
  private let world: TrainingWorld
  private let dataset: Dataset

  init() throws {
    world = try TrainingWorld()
    var builder = DatasetBuilder()
    builder.options.coldItems = try ColdItems("0.3:2")
    for user in 0..<60 {
      for event in 0..<(4 + user % 7) {
        builder.addEvent(
          user: "u\(user)", item: "i\((user * 7 + event * event * 3 + event) % 40)", seconds: event, scene: "s\(event % 2)")
      }
    }
    dataset = try builder.write(to: world.directory("cold").path + "/d")
  }

  private func config(_ changes: String...) throws -> RunConfig {
    try changes.reduce(
      into: world.config(
        "model.semantic_dim=0", "model.heads=1", "checkpoint.every_steps=3",
        "targeted=[{name: second, scene: s1, history: all, epochs: 2, negatives: 16}]")
    ) {
      $0 = try ConfigReader.read(text: ConfigWriter.text($0), name: "test", overrides: [$1])
    }
  }

  private var untrained: [Int] { (0..<dataset.items.count).filter { dataset.items.trainCounts[$0] == 0 } }

  @Test func noBatchShowsThem() throws {
    let cold = (0..<dataset.items.count).filter(dataset.items.isCold)
    #expect(cold.count > 5 && untrained == cold)
    for plan in PhasePlan.all(try config(), dataset) {
      let source = try plan.batches(dataset, try config("batch.users=7"), communicator: SoloCommunicator())
      let batch = SequenceBatch()
      for step in 0..<4 * source.order.stepsPerEpoch {
        source.fill(batch, step: step)
        #expect(batch.positions > 0)
        for item in Array(batch.items.values) + Array(batch.targets.values) { #expect(!dataset.items.isCold(Int(item))) }
      }
    }
  }

  /// Every source of negatives; with the old rule the rows of untrained items moved under all of them but `batch`.
  @Test(arguments: [
    ["universal.negatives_from=uniform"], ["universal.negatives_from=mixed", "universal.log_q=false"],
    ["universal.negatives=all"],
    ["universal.negatives_from=batch"],
  ])
  func theirRowsStay(changes: [String]) throws {
    let targeted = [
      "universal.negatives=all": "targeted.0.negatives=all",
      "universal.negatives_from=uniform": "targeted.0.negatives_from=uniform",
    ]
    let settings = changes + (targeted[changes[0]].map { [$0] } ?? [])
    let config = try settings.reduce(into: try config()) {
      $0 = try ConfigReader.read(text: ConfigWriter.text($0), name: "test", overrides: [$1])
    }
    let start = try ModelFactory.make(config, dataset, nil, communicator: SoloCommunicator()).items
    var losses: [[Double]] = []
    for ranks in [1, 2, 3] {
      let name = "of \(ranks)"
      #expect(try world.leg(config, of: name, on: dataset, ranks: ranks) == .finished)
      let run = try world.run(name)
      losses.append(try column("loss", of: "universal", run) + column("loss", of: "second", run))
      for phase in ["universal", "second"] {
        let model = try run.model(try run.phase(named: phase), communicator: SoloCommunicator())
        let rows = model.items.ids
        var moved = 0
        for row in 0..<rows.rows {
          let (now, before) = (rows.rows(row..<row + 1).values, start.ids.rows(row..<row + 1).values)
          if untrained.contains(start.item(ofLocalRow: row)) { #expect(now == before, "\(phase), row \(row)") }
          if now != before { moved += 1 }
        }
        withExtendedLifetime(model) {}
        #expect(moved > 10)
      }
    }
    for other in losses[1...] {
      #expect(other.count == losses[0].count && zip(other, losses[0]).allSatisfy { abs($0 - $1) <= 1e-4 * abs($1) })
    }
  }

  /// A checkpoint of a version that drew among all items is gone on from with a warning, where that changes the draws.
  @Test(arguments: [("uniform", true, true), ("batch", true, false), ("uniform", false, false)])
  func anEarlierRuleIsSaid(source: String, hasColdItems: Bool, isSaid: Bool) throws {
    let config = try config("universal.negatives_from=\(source)")
    var data = dataset
    if !hasColdItems {
      var builder = DatasetBuilder()
      for user in 0..<60 {
        for event in 0..<6 { builder.addEvent(user: "u\(user)", item: "i\((user + event) % 9)", seconds: event) }
      }
      data = try builder.write(to: world.directory("warm").path + "/d")
    }
    let settings =
      hasColdItems ? config : try ConfigReader.read(text: ConfigWriter.text(config), name: "t", overrides: ["targeted=[]"])
    _ = try world.leg(settings, of: "r", on: data, stopAfter: 6)
    let store = CheckpointStore(path: try world.run("r").directory.checkpointsPath(phase: "universal"))
    let newest = try #require(store.all().last)
    #expect((1..<newest.manifest.steps).contains(newest.manifest.step) && newest.manifest.negatives == NegativeSampler.rule)
    for checkpoint in store.all() {
      let file = URL(fileURLWithPath: "\(checkpoint.path)/\(CheckpointManifest.fileName)")
      var text = try String(contentsOf: file, encoding: .utf8)
      text.replace(/\ *"negatives" : \d+,\n/, with: "")
      text.replace(/"seal" : "[0-9a-f]*"/, with: "\"seal\" : \"\"")
      let seal = text.utf8.withContiguousStorageIfAvailable { CRC32.of(UnsafeRawBufferPointer($0)) } ?? 0
      text.replace("\"seal\" : \"\"", with: "\"seal\" : \"\(String(format: "%08x", seal))\"")
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let said = Mutex("")
    _ = try world.leg(settings, of: "r", on: data, resuming: true) { text in said.withLock { $0 += text } }
    #expect(said.withLock { $0 }.contains("drew negatives among all items; universal goes on with those") == isSaid)
  }

  /// What `precise check` expects of a full softmax is what a step has.
  @Test func theEstimateCountsThemOut() throws {
    let config = try config("universal.negatives=all")
    let plan = PhasePlan.all(config, dataset)[0]
    let facts = try EstimateFacts(config, plan, dataset, nil)
    #expect(facts.items == dataset.items.count && facts.trained == dataset.items.count - untrained.count)
    let estimate = StepEstimate(config, plan, facts, ranks: 1)
    #expect(estimate.size.negatives == Double(facts.trained))
    #expect(
      estimate.memory.training.contains { $0.name == "items with training events" && $0.bytes == Double(facts.items) * 17 / 128 })
  }
}
