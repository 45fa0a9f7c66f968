import Collectives
import Datasets
import Evaluation
import Files
import Model
package import Preparation
package import Tensors
import Texts

/// Items that came after the data set was made, embedded from their texts alone.
///
/// docs/model.md, sections 1 and 7: the semantic half by the trained fusion, the ID half is the mean of all trained ID rows, or with a
/// text blend of those of its neighbors (ours).
package final class NewItems {
  /// Their ids and texts.
  package let list: NewItemTexts
  /// Items without a single token: all of them get the same embedding, the mean ID half alone.
  package let itemsWithoutTokens: Int
  /// The most tokens that the model takes of an item.
  package let tokenLimit: Int
  /// Items whose last features are left out because they alone are more than `tokenLimit`, and the id of the first.
  ///
  /// Ours. The gate reads a fixed number of tokens and is trained by then, so these cannot have more; `encode` refuses such items of a
  /// data set, where there is still a choice.
  package let itemsWithCutFeatures: Int
  package let firstWithCutFeatures: String?
  /// The ID halves of all of them `[count, d_id]`, from their neighbors by text; nil stands for the mean of all trained ID rows.
  private var ids: Storage<Float>?
  private let served: ServedModel
  private let source: any TokenSource
  private let type: ElementType

  /// Reads a list of items and finds their token states.
  ///
  /// Texts are encoded as the data set's own were; states from elsewhere are needed when the data set's are.
  ///
  /// Throws `InputError` when the list is damaged, the model reads no text, or the states do not fit.
  package init(path: String, states: ForeignFile?, served: ServedModel) throws {
    self.served = served
    guard served.model.shape.fusion.readsText else {
      throw InputError("the model reads no text (semantic_dim is 0), so new items cannot be told apart; leave --items out")
    }
    list = try NewItemTexts(path: path, newTo: served.dataset)
    let record = try EncodingRecord(folder: served.dataset.path)
    let items = ListedItems(list)
    // No item of the data set may have as many tokens as its encoding allows; the model knows no more than they have.
    let limit = max(1, min(record.tokens, served.model.shape.fusion.tokens))
    tokenLimit = limit
    source = try Self.source(states, items, record, served, limit, list: path)
    // States and vectors from elsewhere are not of features.
    let isCut = { [list] (item: Int) in list.texts[item].utf8.count { $0 == ItemText.separator } > limit }
    let cut = source.name == HashedEncoder.name ? list.ids.indices.filter(isCut) : []
    (itemsWithCutFeatures, firstWithCutFeatures) = (cut.count, cut.first.map { [list] in list.ids[$0] })
    type = ElementType(rawValue: record.type) ?? .f32
    itemsWithoutTokens = list.ids.indices.count { [source] in source.tokenCount($0) == 0 }
  }

  /// The number of new items.
  package var count: Int { list.ids.count }

  /// Embeds a block of the new items, a row each.
  package func embed(_ range: Range<Int>, into embeddings: Matrix) {
    let fusion = served.model.shape.fusion
    let tokens = tokens(range)
    served.workspace.scope {
      let rows = served.workspace.take(Int32.self, range.count)
      for row in 0..<range.count {
        rows[row] = Int32(row)
        let id = ids.map { UnsafePointer($0.base + (range.lowerBound + row) * fusion.idWidth) }
        embeddings.row(row).update(from: id ?? UnsafePointer(served.catalogue.meanID.base), count: fusion.idWidth)
      }
      _ = EmbeddingFusion(fusion, in: served.model.parameters).forward(
        RowList(start: rows, count: range.count), tokens: tokens, into: embeddings.columns(fusion.idWidth..<fusion.width),
        workspace: served.workspace)
    }
    if let text = served.catalogue.text { blend(text, range, tokens, into: embeddings) }
  }

  /// The text half of a block, and the scale of items without events for the rest.
  private func blend(_ text: TextBlend, _ range: Range<Int>, _ tokens: TokenTable, into embeddings: Matrix) {
    let width = served.catalogue.modelWidth
    for row in 0..<range.count {
      for column in 0..<width { embeddings[row, column] *= Float(text.blend.unseenScale) }
    }
    write(text, range, tokens, into: embeddings.columns(width..<width + text.vectors.width))
    guard text.hasCodes else { return }
    // Their rows would be the next.
    for (row, item) in range.enumerated() {
      ItemCode.write(served.catalogue.items + item, 1, into: embeddings.row(row) + width + text.vectors.width)
    }
  }

  private func write(_ text: TextBlend, _ range: Range<Int>, _ tokens: TokenTable, into vectors: Matrix) {
    let maker = TextVectorMaker(lexical: text.vectors.lexical, axes: text.vectors.axes)
    maker.make(
      into: vectors, text: { list.texts[range.lowerBound + $0] },
      mean: { row, mean in
        tokens.mean(of: row, into: mean)
        return !tokens.tokens(of: row).isEmpty
      }, workspace: served.workspace)
  }

  /// Items whose token states are held at a time.
  private static let blockItems = 1024

  /// Finds the ID halves of all new items by their neighbors in text; collective: ranks that have no list call it with nil.
  ///
  /// Token states are those of a block at a time; text vectors and ID halves are of all items at once. A list too long for neighbors
  /// takes neither.
  static func findNeighbors(_ newItems: NewItems?, served: ServedModel) throws {
    let count = newItems?.count ?? 0
    let width = served.model.shape.fusion.idWidth
    guard let text = served.catalogue.text, width > 0 else { return }
    let total = try served.communicator.gatherCounts(count)[0]
    guard total > 0, served.catalogue.cold.compares(total) else { return }
    let storage = Storage<Float>(count: count * width)
    try served.workspace.scope {
      let texts = served.workspace.matrix(count, text.vectors.width)
      if let newItems {
        for start in stride(from: 0, to: count, by: blockItems) {
          let range = start..<min(start + blockItems, count)
          newItems.write(text, range, newItems.tokens(range), into: texts.rows(range))
        }
      }
      try served.catalogue.cold.fill(
        Matrix(storage.base, rows: count, columns: width), texts: texts, own: Array(repeating: -1, count: count),
        vectors: text.vectors, workspace: served.workspace)
    }
    newItems?.ids = storage
  }

  private func tokens(_ range: Range<Int>) -> TokenTable {
    let tokens = TokenTable(counts: range.map { source.tokenCount($0) }, width: served.model.shape.fusion.tokenWidth)
    for (row, item) in range.enumerated() { storeStates(item, in: tokens.states(of: row)) }
    return tokens
  }

  /// An item's states, rounded as the data set stores its own: the same text gives the same states.
  private func storeStates(_ item: Int, in states: StoredRows) {
    var values: [Float] = []
    source.appendStates(item, to: &values)
    var stored = [UInt8](repeating: 0, count: values.count * type.size)
    values.withUnsafeMutableBufferPointer { values in
      stored.withUnsafeMutableBytes { stored in
        guard let start = stored.baseAddress, let floats = values.baseAddress else { return }
        type.encode(UnsafeBufferPointer(values), into: start)
        type.decode(UnsafeRawBufferPointer(stored), into: floats)
        states.store(floats)
      }
    }
  }

  /// Where the states come from: a file of the data set's own kind, or the texts.
  private static func source(
    _ file: ForeignFile?, _ items: ListedItems, _ record: EncodingRecord, _ served: ServedModel, _ limit: Int, list: String
  ) throws -> any TokenSource {
    switch (file, record.kind) {
    case (.states(let path), nil):
      return try checked(ForeignStates(path: path, ids: nil, items: items, maxTokens: limit), "states", path, record, served)
    case (.vectors(let path), .vectors):
      let vectors = try ForeignVectors(path: path, ids: nil, items: items, name: nil)
      // A file that names no encoder is taken at its user's word.
      return try checked(vectors, "vectors", path, record, served, isNamed: vectors.isNamed)
    case (.states(let path), .vectors):
      throw InputError(
        "the data set has one vector an item (\(record.encoder)); give \(path) with --new-vectors if it has the same")
    case (.vectors(let path), nil):
      throw InputError("the data set's token states are those of \(record.encoder), not one vector an item; leave \(path) out")
    case (nil, .vectors):
      throw InputError("the data set has one vector an item (\(record.encoder)); give those of \(list) with --new-vectors")
    case (nil, nil) where record.encoder == HashedEncoder.name:
      return HashedSource(items: items, encoder: HashedEncoder(dimension: record.width, maxTokens: limit))
    case (nil, nil):
      throw InputError(
        "the data set's token states are those of \(record.encoder); make states of \(list) with cluster/encode/encode_items.py "
          + "and give them with --new-states")
    }
  }

  private static func checked(
    _ source: some TokenSource, _ what: String, _ path: String, _ record: EncodingRecord, _ served: ServedModel,
    isNamed: Bool = true
  ) throws -> any TokenSource {
    guard source.dimension == served.model.shape.fusion.tokenWidth else {
      throw InputError(
        "\(path) has \(what) of width \(source.dimension), the model reads \(served.model.shape.fusion.tokenWidth); "
          + "encode the new items as the data set was")
    }
    guard !isNamed || source.name == record.encoder else {
      throw InputError("\(path) holds \(what) of \(source.name), the data set's are of \(record.encoder); use that encoder")
    }
    return source
  }
}

/// A file of states that were made elsewhere.
package enum ForeignFile: Sendable, Equatable {
  /// States of tokens, as cluster/encode/encode_items.py writes them.
  case states(String)
  /// One vector an item.
  case vectors(String)
}

/// A list of items as an encoder sees them.
struct ListedItems: TextItems {
  private let list: NewItemTexts
  private let indices: [Identifier: Int]

  init(_ list: NewItemTexts) {
    self.list = list
    indices = Dictionary(uniqueKeysWithValues: list.ids.enumerated().map { (Identifier($1), $0) })
  }

  var count: Int { list.ids.count }
  func id(_ item: Int) -> String { list.ids[item] }
  func text(_ item: Int) -> String { list.texts[item] }
  func items(named id: String) -> [Int] { indices[Identifier(id)].map { [$0] } ?? [] }
}
