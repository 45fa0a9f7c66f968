package import Model
import Tensors

/// Which file holds which rows of the item table: a function of the table alone, so that any number of ranks writes the same files.
///
/// `items-00000.safetensors` holds ID rows with their optimizer's state and the key of each row's item, `tokens-00000.safetensors`
/// token states with theirs and each row's number of tokens. Of R ranks, rank r writes the files r, r + R, …
struct CheckpointLayout {
  /// The kinds of files: the beginning of their names.
  enum Kind: String, CaseIterable {
    case items, tokens

    /// The tensor that stands first in each file: a number a row.
    var head: String { self == .items ? "keys" : "token_counts" }
  }

  /// A file's wanted size.
  private static let fileBytes = 256 << 20

  let kind: Kind
  /// The rows of each file.
  let files: [Range<Int>]

  init(_ kind: Kind, _ items: ItemTable) {
    self.kind = kind
    let blocks = kind == .items ? items.idBlocks : items.tokenBlocks()
    let bytes = blocks.reduce(0) { $0 + Self.bytesPerRow($1, items) }
    let (rows, each) = (items.partition.rows, max(1, Self.fileBytes / max(bytes, 1)))
    files = stride(from: 0, to: max(rows, 1), by: each).map { $0..<min($0 + each, rows) }
  }

  /// The most bytes that a row of the table takes in a block.
  static func bytesPerRow(_ block: TableBlock, _ items: ItemTable) -> Int {
    block.lineBytes * (block.isPerToken ? items.shape.tokens : 1)
  }

  /// A file's name.
  func name(_ number: Int) -> String { Self.name(kind, number) }

  static func name(_ kind: Kind, _ number: Int) -> String {
    let digits = String(number)
    return "\(kind.rawValue)-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).safetensors"
  }
}

/// What a checkpoint is of, as one rank has it: where written numbers come from, and where read ones go.
package struct CheckpointContents {
  /// The model.
  package let model: PreciseModel
  /// The dense parameters' moments; nil where a checkpoint is read only to serve.
  package let optimizer: AdamW?
  /// The resolved configuration, as the text of `config.yaml`; empty where a checkpoint is only read.
  package let configuration: String
  /// A 64-bit hash of the id of the item of a row, by which another table finds the row again.
  package let itemKey: (Int) -> UInt64
  /// What the data set's numbers stand for.
  package let vocabulary: CheckpointVocabulary

  /// What a run writes, and goes on from.
  package init(
    _ model: PreciseModel, optimizer: AdamW, configuration: String, itemKey: @escaping (Int) -> UInt64,
    vocabulary: CheckpointVocabulary
  ) {
    self.model = model
    self.optimizer = optimizer
    self.configuration = configuration
    self.itemKey = itemKey
    self.vocabulary = vocabulary
  }

  /// A model that is only read; over another data set than the checkpoint's, with what finds items and names again.
  package init(
    reading model: PreciseModel, itemKey: @escaping (Int) -> UInt64 = { _ in 0 },
    vocabulary: CheckpointVocabulary = CheckpointVocabulary()
  ) {
    self.model = model
    optimizer = nil
    configuration = ""
    self.itemKey = itemKey
    self.vocabulary = vocabulary
  }

  /// The blocks of the item table that a kind of file holds.
  func blocks(_ kind: CheckpointLayout.Kind) -> [TableBlock] {
    kind == .items ? model.items.idBlocks : model.items.tokenBlocks()
  }

  /// Token states are part of it once they have been trained.
  package var hasTokens: Bool { model.items.tokenOptimizer != nil }

  var kinds: [CheckpointLayout.Kind] { hasTokens ? [.items, .tokens] : [.items] }
}
