import Items
public import Model
public import Optimizers
import Tensors

/// What a checkpoint is of, as one rank has it: where written numbers come from, and where read ones go.
public struct CheckpointContents {
  /// The model.
  public let model: PreciseModel
  /// The dense parameters' moments; nil where a checkpoint is read only to serve.
  public let optimizer: AdamW?
  /// The resolved configuration, as the text of `config.yaml`; empty where a checkpoint is only read.
  public let configuration: String
  /// A 64-bit hash of the id of the item of a row, by which another table finds the row again.
  public let itemKey: (Int) -> UInt64
  /// What the data set's numbers stand for.
  public let vocabulary: CheckpointVocabulary

  /// What a run writes, and goes on from.
  public init(
    _ model: PreciseModel, optimizer: AdamW, configuration: String, itemKey: @escaping (Int) -> UInt64,
    vocabulary: CheckpointVocabulary
  ) {
    self.model = model
    self.optimizer = optimizer
    self.configuration = configuration
    self.itemKey = itemKey
    self.vocabulary = vocabulary
  }

  /// A model that is only read.
  public init(reading model: PreciseModel) {
    self.model = model
    optimizer = nil
    configuration = ""
    itemKey = { _ in 0 }
    vocabulary = CheckpointVocabulary()
  }

  /// The blocks of the item table that a kind of file holds.
  func blocks(_ kind: CheckpointLayout.Kind) -> [TableBlock] {
    kind == .items ? model.items.idBlocks : model.items.tokenBlocks()
  }

  /// Token states are part of it once they have been trained.
  public var hasTokens: Bool { model.items.tokenOptimizer != nil }

  var kinds: [CheckpointLayout.Kind] { hasTokens ? [.items, .tokens] : [.items] }
}
