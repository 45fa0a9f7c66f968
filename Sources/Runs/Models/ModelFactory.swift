import Checkpoints
package import Collectives
package import Config
package import Datasets
import Files
import Host
package import Model
import Tensors
package import Texts

/// Makes models from a configuration and a data set.
package enum ModelFactory {
  /// The extents of a phase's model.
  package static func shape(
    _ config: RunConfig, _ dataset: Dataset, _ states: TokenStates?, userHead: ModelShape.UserHeadKind?
  ) -> ModelShape {
    shape(
      config, tokenWidth: states?.dimension ?? 0, tokens: states?.maxTokens ?? 0, scenes: dataset.scenes.count,
      behaviors: dataset.behaviors.count, userHead: userHead)
  }

  /// The same from plain numbers, for estimates that have no data set.
  package static func shape(
    _ config: RunConfig, tokenWidth: Int, tokens: Int, scenes: Int, behaviors: Int, userHead: ModelShape.UserHeadKind?
  ) -> ModelShape {
    let model = config.model
    let fusion = FusionShape(
      idWidth: model.idDim, semanticWidth: model.semanticDim, tokenWidth: tokenWidth, tokens: tokens, experts: model.experts,
      active: model.activeExperts, gateInput: model.gateInput == .mean ? .mean : .concat)
    return ModelShape(
      fusion: fusion, layers: model.layers, heads: model.heads, length: model.length,
      scenes: model.sceneEmbedding ? scenes : nil, behaviors: model.behaviorEmbedding ? behaviors : nil, block: form(model.block),
      time: anchor(model.time), userHead: userHead)
  }

  /// Numbers that a job trains: dense parameters, ID rows and, of a model that reads text, token states.
  package static func parameters(_ dense: Int, _ shape: FusionShape, _ dataset: Dataset, _ states: TokenStates?) -> Int {
    let tokens = shape.readsText ? states.map { $0.rowCount * $0.dimension } ?? 0 : 0
    return dense + dataset.items.count * shape.idWidth + tokens
  }

  /// How blocks add, as the model spells it.
  package static func form(_ block: ModelConfig.Block) -> BlockForm { block == .gated ? .gated : .prenorm }

  /// What the time bias counts from, as the model spells it.
  package static func anchor(_ time: ModelConfig.Time) -> TimeAnchor? {
    switch time {
    case .none: nil
    case .gaps: .gaps
    case .request: .request
    }
  }

  /// A new universal model: parameters and ID rows from the seed, token states from the data set.
  ///
  /// - Parameter checkStop: asked now and then while states are read; throws when loading is to end.
  package static func make(
    _ config: RunConfig, _ dataset: Dataset, _ states: TokenStates?, communicator: any Communicator,
    userHead: ModelShape.UserHeadKind? = nil, checkStop: () throws -> Void = {}
  ) throws -> PreciseModel {
    let shape = shape(config, dataset, states, userHead: userHead)
    let plan = ItemTable.Plan(
      shape: shape.fusion, items: dataset.items.count, tokenCount: { states?.tokenCount($0) ?? 0 }, rule: rule(config.optimizer),
      seed: config.seed, tokenElement: config.compute.tokenStorage)
    return try Memory.use(for: .model) {
      let model = PreciseModel(shape, table: plan, communicator: communicator)
      if let states { try load(states, into: model.items, checkStop) }
      return model
    }
  }

  /// Opens a data set's token states when the model reads text.
  ///
  /// Throws `InputError` when the data set has none, or when they are of another item table.
  package static func tokenStates(_ config: RunConfig, _ dataset: Dataset) throws -> TokenStates? {
    guard config.model.semanticDim > 0 else { return nil }
    return try TokenStates(dataset: dataset)
  }

  /// Opens a data set's text vectors when scores are to be blended with them; nil when it has none.
  ///
  /// Throws `InputError` when they are damaged or stale.
  package static func textVectors(_ config: RunConfig, _ dataset: Dataset) throws -> TextVectors? {
    guard config.model.fusion == .similarity else { return nil }
    return try TextVectors(dataset: dataset)
  }

  /// Fills the table item by item, and lets go of the file's pages on the way: they would count a second time.
  private static func load(_ states: TokenStates, into items: ItemTable, _ checkStop: () throws -> Void) throws {
    let scratch = Storage<Float>(count: states.maxTokens * states.dimension)
    for row in 0..<items.ids.rows {
      let (item, target) = (items.item(ofLocalRow: row), items.tokens.states(of: row))
      if target.rows > 0 {
        guard states.type.isFinite(states.rawStates(item)) else {
          throw InputError("\(states.path): the states of item \(item) have NaN or infinity in them; run `precise encode` again")
        }
        states.copyStates(item, into: scratch.base)
        target.store(scratch.base)
      }
      if row % 4096 == 4095 {
        states.forget(0..<item)
        try checkStop()
      }
    }
    states.forget(0..<states.itemCount)
  }

  /// The rule that rows are updated by.
  package static func rule(_ optimizer: OptimizerConfig) -> RowOptimizer.Rule {
    switch optimizer.rows {
    case .adagrad: .adaGrad(epsilon: 1e-10)
    case .lazyAdam:
      .lazyAdam(
        beta1: Float(optimizer.beta1), beta2: Float(optimizer.beta2), epsilon: Float(optimizer.epsilon))
    }
  }
}

extension CheckpointVocabulary {
  /// What the numbers of a data set and of its token states stand for.
  package init(_ dataset: Dataset, _ states: TokenStates?) {
    self.init(
      scenes: dataset.scenes, behaviors: dataset.behaviors,
      encoding: states.map {
        Encoding(
          encoder: $0.metadata["encoder"] ?? "states", width: $0.dimension,
          tokens: $0.metadata["tokens"].flatMap { Int($0) } ?? $0.maxTokens, checksum: $0.checksum)
      })
  }
}
