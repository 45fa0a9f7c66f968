package import Collectives
package import Config
package import Datasets
package import Evaluation
import Files
package import Model
package import Tensors

/// One phase of a run, resolved: what it trains on, for how long, and how it is evaluated.
package struct PhasePlan: Sendable {
  /// Which of the two objectives.
  package enum Kind: Sendable, Equatable {
    /// Phase 1: every scene's next item.
    case universal(UniversalConfig)
    /// Phase 2: one scene and/or behavior.
    case targeted(TargetedConfig)

    /// Whether it is phase 1.
    package var isUniversal: Bool { if case .universal = self { true } else { false } }
  }

  /// "universal", or the targeted phase's own name.
  package let name: String
  /// The objective and its settings.
  package let kind: Kind
  /// Users whose held-out event matches are evaluated.
  package let evaluated: EventFilter
  /// What the model reads of a user.
  package let history: History

  /// Every phase of a configuration over a data set, in order.
  ///
  /// Names of scenes and behaviors have been checked before.
  package static func all(_ config: RunConfig, _ dataset: Dataset) -> [PhasePlan] {
    [universal(config)] + config.targeted.map { targeted($0, config, scenes: dataset.scenes, behaviors: dataset.behaviors) }
  }

  /// Every phase of a configuration without a data set: a targeted phase then takes every event.
  package static func all(_ config: RunConfig) -> [PhasePlan] {
    [universal(config)] + config.targeted.map { made($0, config) }
  }

  /// One phase without a data set: the universal one, or a targeted one that takes every event.
  package static func made(_ phase: TargetedConfig?, _ config: RunConfig) -> PhasePlan {
    phase.map { targeted($0, config, scenes: [], behaviors: []) } ?? universal(config)
  }

  private static func universal(_ config: RunConfig) -> PhasePlan {
    PhasePlan(
      name: "universal", kind: .universal(config.universal), evaluated: .all,
      history: History(filter: .all, length: config.model.length))
  }

  private static func targeted(
    _ phase: TargetedConfig, _ config: RunConfig, scenes: [String], behaviors: [String]
  ) -> PhasePlan {
    let filter = EventFilter(
      scene: phase.scene.flatMap { scenes.firstIndex(ofIdentifier: $0) },
      behavior: phase.behavior.flatMap { behaviors.firstIndex(ofIdentifier: $0) })
    return PhasePlan(
      name: phase.name, kind: .targeted(phase), evaluated: filter,
      history: History(filter: phase.history == .target ? filter : .all, length: config.model.length))
  }

  /// The number of epochs asked for; `steps`, when given, wins.
  package var epochs: Int {
    switch kind {
    case .universal(let phase): phase.epochs
    case .targeted(let phase): phase.epochs
    }
  }

  /// The number of steps asked for, if any.
  package var steps: Int? {
    switch kind {
    case .universal(let phase): phase.steps
    case .targeted(let phase): phase.steps
    }
  }

  /// The user head that the phase's model has.
  package var userHead: ModelShape.UserHeadKind? {
    switch kind {
    case .universal: nil
    case .targeted(let phase): phase.userHead == .residual ? .residual : .mlp
    }
  }

  /// What the phase minimizes.
  package func objective(_ config: RunConfig) -> any Objective {
    let scale = Float(config.model.logitScale)
    switch kind {
    case .universal: return UniversalObjective(logitScale: scale)
    case .targeted(let phase):
      return TargetedObjective(bpr: phase.objective.bpr, softmax: phase.objective.softmax, logitScale: scale)
    }
  }

  /// The dropout rate of the phase's training.
  package func dropout(_ config: RunConfig) -> Float {
    if case .targeted(let phase) = kind, let own = phase.dropout { Float(own) } else { Float(config.model.dropout) }
  }

  /// Which groups of parameters the phase keeps as they are.
  package func freezes(_ group: ParameterGroup) -> Bool {
    guard case .targeted(let phase) = kind else { return false }
    switch group {
    case .fusion: return phase.freeze.contains(.fusion)
    case .transformer: return phase.freeze.contains(.transformer)
    case .userHead: return false
    }
  }

  /// The measurement of this phase on a split.
  package func task(_ split: EvaluationTask.Split, filterSeen: Bool) -> EvaluationTask {
    EvaluationTask(split: split, evaluated: evaluated, history: history, filterSeen: filterSeen)
  }

  /// The same users, read and ranked as the universal phase does: what a targeted phase is held against.
  package func universalTask(_ split: EvaluationTask.Split, filterSeen: Bool) -> EvaluationTask {
    EvaluationTask(
      split: split, evaluated: evaluated, history: History(filter: .all, length: history.length), filterSeen: filterSeen)
  }

  /// The users that a step needs: cross-user BPR makes pairs of them.
  package var fewestUsers: Int {
    if case .targeted(let phase) = kind, phase.objective.bpr > 0 { 2 } else { 1 }
  }

  /// The batches of a rank's virtual shards; collective, because an epoch's order depends on how many users all shards have.
  package func batches(_ dataset: Dataset, _ config: RunConfig, communicator: any Communicator) throws -> any BatchSource {
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    return try batches(dataset, config, shards: shards) { own in
      var sizes = [Double](repeating: 0, count: dataset.shardCount)
      for (shard, size) in zip(shards, own) { sizes[shard] = Double(size) }
      return try communicator.sum(sizes, as: .other).map { Int($0) }
    }
  }

  /// The batches of some virtual shards.
  ///
  /// - Parameter gather: makes the sizes of all virtual shards out of those of `shards`.
  package func batches(
    _ dataset: Dataset, _ config: RunConfig, shards: Range<Int>, gather: @escaping ([Int]) throws -> [Int]
  ) throws -> any BatchSource {
    let batch = BatchRule(users: config.batch.users, fewest: fewestUsers, gather: gather)
    switch kind {
    case .universal(let phase):
      return try UniversalBatches(
        dataset, shards: shards, batch: batch, length: history.length, window: phase.window == .latest ? .latest : .random,
        seed: config.seed)
    case .targeted(let phase):
      let target = TargetedBatches.Target(
        name: name, filter: evaluated, history: history, position: phase.position == .random ? .random : .last)
      return try TargetedBatches(dataset, shards: shards, batch: batch, target: target, seed: config.seed)
    }
  }

  /// The seed of the draws that phases do not share, though all count steps from 0: negatives, masks, rounding.
  package func seed(_ config: RunConfig) -> UInt64 { config.seed ^ UInt64(RandomStream.hash(name)) << 32 }

  /// The drawing of shared negatives, or nil when the objective needs none.
  ///
  /// - Parameter trainCounts: training events of each item.
  package func negatives(_ config: RunConfig, trainCounts: UnsafeBufferPointer<UInt32>) -> NegativeSampler? {
    guard let sampler = negatives(config, items: trainCounts.count), sampler.readsCatalogue, trainCounts.contains(0) else {
      return negatives(config, items: trainCounts.count)
    }
    return NegativeSampler(
      count: sampler.count, source: sampler.source, items: sampler.items, trained: TrainedItems(trainCounts: trainCounts),
      seed: seed(config))
  }

  /// The same where every item has training events.
  package func negatives(_ config: RunConfig, items: Int) -> NegativeSampler? { negatives(items: items, seed: seed(config)) }

  /// The same for who counts draws and makes none: with any seed.
  package func negatives(items: Int, seed: UInt64 = 0) -> NegativeSampler? {
    switch kind {
    case .universal(let phase):
      return Self.sampler(phase.negatives, phase.negativesFrom, items: items, seed: seed)
    case .targeted(let phase):
      guard phase.objective.softmax > 0 else { return nil }
      return Self.sampler(phase.negatives, phase.negativesFrom, items: items, seed: seed)
    }
  }

  /// Whether negatives' logits are corrected by log q (of the full softmax log q is 0).
  package var correctsLogQ: Bool {
    switch kind {
    case .universal(let phase): phase.logQ
    case .targeted(let phase): phase.logQ
    }
  }

  private static func sampler(_ negatives: Negatives, _ source: NegativeSource, items: Int, seed: UInt64) -> NegativeSampler {
    let count: Int? = if case .count(let count) = negatives { count } else { nil }
    let from: NegativeSampler.Source =
      switch source {
      case .batch: .batch
      case .uniform: .uniform
      case .mixed: .mixed
      }
    return NegativeSampler(count: count, source: from, items: items, seed: seed)
  }
}

/// Which virtual shards a rank reads: a contiguous run, uneven when the ranks do not divide them.
///
/// docs/distributed.md, "Users".
package enum ShardRuns {
  /// The shards of `rank` out of `ranks`.
  package static func shards(of rank: Int, ranks: Int, count: Int) -> Range<Int> {
    Shares.range(of: rank, ranks: ranks, count: count)
  }
}
