import Collectives
import Datasets
import Foundation
import Model
import Preparation
import Tensors
import TestSupport
import Testing

@testable import Evaluation

/// Every rank, metric and first item by way of bfloat16 is that of float32, on public data sets; skipped where these are not at hand.
@Suite struct RealRanksTests {
  /// The folder of the data sets: the one that `PRECISE_DATA` names, else `../shared/data` beside the package.
  private static var folder: String {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
    return ProcessInfo.processInfo.environment["PRECISE_DATA"] ?? package.standardizedFileURL.path + "/../shared/data"
  }

  /// Those at hand.
  private static let atHand = ["movielens-100k", "movielens-1m", "amazon-beauty-5core", "amazon-2014"].filter {
    FileManager.default.fileExists(atPath: "\(folder)/\($0)/interactions.csv.gz")
  }

  @Test(.enabled(if: !atHand.isEmpty, "there is none of the data sets; name their folder with PRECISE_DATA"), arguments: atHand)
  func ranksAreThoseOfFloat32(name: String) throws {
    let output = try TemporaryFolder()
    var options = PreparationOptions()
    options.interactions = ["\(Self.folder)/\(name)/interactions.csv.gz"]
    options.items = ["\(Self.folder)/\(name)/items.csv.gz"]
    options.output = output.file("d")
    _ = try Preparation(options).run()
    let dataset = try Dataset(path: output.file("d"))
    let model = model(items: dataset.items.count)
    for filterSeen in [false, true] {
      let task = EvaluationTask(
        split: .test, evaluated: .all, history: History(filter: .all, length: 20), filterSeen: filterSeen)
      let (plain, screened) = (
        try standing(model, dataset, task, screens: false), try standing(model, dataset, task, screens: true)
      )
      #expect(screened.ranks == plain.ranks && screened.metrics == plain.metrics && screened.recommended == plain.recommended)
      // A part of the users, and ranks all over the catalogue.
      #expect(Set(plain.ranks.joined()).count > 100)
    }
  }

  private func standing(_ model: PreciseModel, _ dataset: Dataset, _ task: EvaluationTask, screens: Bool) throws -> Standing {
    // Some hundred users: each is ranked against the whole catalogue twice, without optimization.
    let shards = max(1, min(dataset.shardCount, dataset.shardCount * 300 / dataset.manifest.users))
    let evaluator = Evaluator(
      dataset, shards: 0..<shards, cutoffs: [1, 10], communicator: SoloCommunicator(), screens: screens)
    return try evaluator.compare(
      model, task, baselines: false, keepsRanks: true, workspace: Workspace(chunkBytes: 1 << 22))[0]
  }

  /// A new model, with rows that are not near zero as new ones are.
  private func model(items: Int) -> PreciseModel {
    let fusion = FusionShape(
      idWidth: 64, semanticWidth: 0, tokenWidth: 0, tokens: 0, experts: 1, active: 1, gateInput: .mean)
    let plan = ItemTable.Plan(
      shape: fusion, items: items, tokenCount: { _ in 0 }, rule: .adaGrad(epsilon: 1e-10), seed: 4)
    let model = PreciseModel(
      ModelShape(fusion: fusion, layers: 1, heads: 2, length: 20, userHead: nil), table: plan, communicator: SoloCommunicator())
    for index in 0..<model.items.ids.count { model.items.ids.base[index] *= 40 }
    return model
  }
}
