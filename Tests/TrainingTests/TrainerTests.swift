import Checkpoints
import Collectives
import Config
import Datasets
import Files
import Model
import Tensors
import Testing

@testable import Evaluation
@testable import Runs

struct TrainerTests {
  private let world: TrainingWorld

  init() throws {
    world = try TrainingWorld()
  }

  private var targeted: String { "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 2, negatives: 40}]" }

  private func model(_ run: TrainedRun, _ phase: String) throws -> PreciseModel {
    try run.model(try run.phase(named: phase), communicator: SoloCommunicator())
  }

  @Test func theSameConfigurationGivesTheSameBits() throws {
    let config = try world.config(targeted)
    let runs = try ["a", "b"].map { try world.train(config, into: $0) }
    for phase in ["universal", "like"] {
      for field in ["loss", "grad_norm", "balance_loss", "ndcg@10", "mrr"] {
        let columns = try runs.map { try column(field, of: phase, $0) }
        #expect(columns[0] == columns[1] && !columns[0].isEmpty, "\(phase) \(field)")
      }
      #expect(numbers(try model(runs[0], phase)) == numbers(try model(runs[1], phase)))
    }
    let other = try world.train(try world.config("seed=6", "universal.epochs=1"), into: "other")
    #expect(try column("loss", of: "universal", other)[0] != column("loss", of: "universal", runs[0])[0])
  }

  @Test func theLossFallsAndRankingRises() throws {
    let config = try world.config("universal.epochs=30", "model.dropout=0", "evaluation.every_epochs=0")
    let run = try world.train(config, into: "long")
    let losses = try column("loss", of: "universal", run)
    let (first, last) = (losses.prefix(4).reduce(0, +) / 4, losses.suffix(4).reduce(0, +) / 4)
    #expect(losses.allSatisfy(\.isFinite) && last < 0.9 * first, "from \(first) to \(last)")
    let task = try run.phase(named: "universal").task(.validation, filterSeen: false)
    let trained = try world.metrics(try model(run, "universal"), task)
    let untrained = try world.metrics(try world.model(config), task)
    #expect((trained.value(of: "ndcg@10") ?? 0) > 1.3 * (untrained.value(of: "ndcg@10") ?? 1))
  }

  @Test func tokensStayFrozenForTheirShareOfThePhase() throws {
    let frozen = try world.train(try world.config("universal.token_freeze=1", "universal.epochs=1"), into: "frozen")
    let fresh = try world.model(frozen.config)
    #expect(try numbers(model(frozen, "universal"))["tokens"] == numbers(fresh)["tokens"])
    #expect(try numbers(model(frozen, "universal"))["ids"] != numbers(fresh)["ids"])
    let free = try world.train(try world.config("universal.token_freeze=0", "universal.epochs=1"), into: "free")
    #expect(try numbers(model(free, "universal"))["tokens"] != numbers(fresh)["tokens"])
  }

  /// With one layer the newest position reads the same with and without the mask, so the residual head, whose last layer starts at
  /// zero, begins exactly where the universal phase ends.
  @Test func aTargetedPhaseStartsWhereTheUniversalOneEnds() throws {
    let run = try world.train(
      try world.config("targeted=[{name: like, behavior: \(world.behavior), history: all, steps: 0}]"), into: "start")
    let plan = try run.phase(named: "like")
    let universal = try world.metrics(try model(run, "universal"), plan.universalTask(.validation, filterSeen: false))
    let targeted = try world.metrics(try model(run, "like"), plan.task(.validation, filterSeen: false))
    #expect(universal.users(in: "all") > 10)
    #expect(targeted == universal)
    #expect(try run.checkpoint(plan).manifest.step == 0)
    #expect(try run.checkpoint(plan).manifest.score == universal.value(of: "ndcg@10"))
  }

  @Test func anUntrainedResidualHeadIsTheUnmaskedTransformersNewestPosition() throws {
    let run = try world.train(
      try world.config("model.layers=2", "universal.epochs=1", "targeted=[{name: like, steps: 0}]"), into: "deep")
    let (model, workspace) = (try model(run, "like"), Workspace(chunkBytes: 1 << 20))
    let catalogue = try Catalogue(
      model, trainCounts: world.dataset.items.trainCounts, communicator: SoloCommunicator(), workspace: workspace)
    let batch = SequenceBatch()
    let shard = try world.dataset.shard(0)
    for user in 0..<shard.userCount {
      History(filter: .all, length: 6).append(shard.events(user), before: shard.events(user).count, slot: user, to: batch)
    }
    let users = workspace.matrix(batch.users, catalogue.embeddings.columns)
    UserEncoder(model).encode(batch, items: batch.items.values, of: catalogue.embeddings, into: users, workspace: workspace)
    let packed = PackedBatch(starts: batch.starts.values, rowKeys: batch.rowKeys.base)
    let input = SequenceEmbedding.Input(
      items: batch.items.values, scenes: batch.scenes.values, behaviors: batch.behaviors.values)
    func hidden(causal: Bool) -> [[Float]] {
      let encoded = model.encode(
        catalogue.embeddings, input: input, batch: packed, mode: .inference(causal: causal), workspace: workspace)
      return (0..<packed.users).map {
        encoded.hidden.rows(packed.rows(of: $0).upperBound - 1..<packed.rows(of: $0).upperBound).values
      }
    }
    let found = (0..<users.rows).map { users.rows($0..<$0 + 1).values }
    #expect(found == hidden(causal: false))
    // Two layers deep the mask does show, so the test can tell the two apart.
    #expect(found != hidden(causal: true))
  }

  @Test func aTargetedPhaseAloneStartsFromTheUniversalCheckpoint() throws {
    let config = try world.config(targeted)
    let whole = try world.train(config, into: "whole")
    _ = try world.train(config, into: "parts", only: "universal")
    let parts = try world.train(config, into: "parts", only: "like")
    #expect(numbers(try model(parts, "like")) == numbers(try model(whole, "like")))
    #expect(throws: InputError.self) { try world.train(config, into: "none", only: "like") }
    #expect(throws: InputError.self) { try world.train(config, into: "none", only: "love") }
  }

  @Test func frozenGroupsStayAsTheyWere() throws {
    let run = try world.train(
      try world.config(
        "targeted=[{name: like, epochs: 1, negatives: 40, freeze: [ids, tokens, fusion, transformer]}]",
        "evaluation.every_epochs=0"),
      into: "still")
    let last = try #require(CheckpointStore(path: run.directory.checkpointsPath(phase: "like")).all().last)
    let trained = try world.model(run.config, userHead: .residual)
    try last.load(into: CheckpointContents(reading: trained), communicator: SoloCommunicator())
    #expect(last.manifest.step > 0)
    let (before, after) = (numbers(try model(run, "universal")), numbers(trained))
    let changed = after.keys.filter { before[$0] != after[$0] }
    #expect(!changed.isEmpty && changed.allSatisfy { $0.hasPrefix("user.") })
  }
}
