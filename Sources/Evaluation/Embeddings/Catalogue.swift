package import Collectives
package import Model
package import Tensors
import Texts

/// The embeddings of all items, as evaluation, export and recommendation use them: e `[V, d]`, or with a text blend `[e ; t]`
/// `[V, d + w]`, w being what `TextBlend` adds.
///
/// An item without a training event gets the mean of all trained ID rows as its ID half. With a blend it is the mean of its neighbors'
/// by text, and e is scaled, so that it can come before others (ours; docs/model.md, sections 1 and 7).
///
/// Owners fuse their items and share them, block by block of fixed rows. A catalogue that fits the given memory is then held whole
/// by every rank; a larger one is formed anew whenever it is walked through, and a rank never holds more than a block of it. The
/// numbers are the same either way, because an item's embedding is a function of the item alone. Of a streamed catalogue `embed`
/// and `forEachBlock` are collective: every rank calls them, in the same order.
package final class Catalogue {
  /// Rows that are formed and shared at a time: fixed by the table, not by ranks.
  package static let blockRows = 4096
  /// The bytes of embeddings that a rank may hold, unless told otherwise.
  package static let defaultBytes = 1 << 30

  /// Items that tell how sure a model is: those it was trained on most.
  static let knownItems = 256

  /// The number of items, V.
  package let items: Int
  /// The width of an embedding: d, or d + w with a text blend, and its codes.
  package let width: Int
  /// d, the width of what the model makes of an item.
  package let modelWidth: Int
  /// The text half; nil without one.
  package let text: TextBlend?
  /// The mean of the trained ID rows, `[d_id]`: the ID half of items new to the model.
  package let meanID: Vector
  private let model: PreciseModel
  private let trainCounts: UnsafeBufferPointer<UInt32>
  private let communicator: any Communicator
  private let means: Storage<Float>
  /// The ID halves of items without training events, and where each stands among them; without text there are none.
  private var coldIDs: Matrix
  private var coldStorage = Storage<Float>(count: 0)
  private var coldPlaces: [Int32: Int] = [:]
  private let knownStorage: Storage<Float>
  /// The embeddings of the items that were trained on most `[256, d]`, or of all where there are fewer.
  private let known: Matrix
  private var storage: Storage<Float>?

  /// The width of what items are alike by: all but their codes.
  package var widthWithoutCodes: Int { width - (text?.hasCodes == true ? ItemCode.width : 0) }

  /// Whether every rank holds all embeddings.
  package var isWhole: Bool { storage != nil }

  /// Prepares the catalogue of a model, and embeds every item when that fits `bytes`; collective.
  ///
  /// - Parameters:
  ///   - trainCounts: training events of each item; must stay where they are as long as the catalogue lives.
  ///   - text: the text half of every embedding; nil for what the model makes of items alone.
  package init(
    _ model: PreciseModel, trainCounts: UnsafeBufferPointer<UInt32>, text: TextBlend? = nil, communicator: any Communicator,
    workspace: Workspace, bytes: Int = defaultBytes
  ) throws {
    (items, modelWidth) = (trainCounts.count, model.shape.fusion.width)
    width = modelWidth + (text?.width ?? 0)
    self.text = text
    self.model = model
    self.trainCounts = trainCounts
    self.communicator = communicator
    means = Storage(count: model.shape.fusion.idWidth)
    coldIDs = Matrix(coldStorage.base, rows: 0, columns: means.count)
    meanID = Vector(means.base, count: means.count)
    let most = Self.mostTrained(trainCounts)
    knownStorage = Storage(count: most.count * modelWidth)
    known = Matrix(knownStorage.base, rows: most.count, columns: modelWidth)
    try findMeanID(workspace)
    try most.map { Int32($0) }.withUnsafeBufferPointer { rows in
      try workspace.scope { try model.items.embed(rows, into: known, workspace: workspace) }
    }
    if let text { try findCold(text.vectors, workspace) }
    guard items * width * MemoryLayout<Float>.stride <= bytes else { return }
    let storage = Storage<Float>(count: items * width)
    try forEachBlock(workspace: workspace) { rows, block in
      (storage.base + rows.lowerBound * width).update(from: block.base, count: block.count)
    }
    self.storage = storage
  }

  /// All embeddings `[V, d]`; only of a whole catalogue.
  package var embeddings: Matrix {
    guard let storage else { preconditionFailure("a catalogue of \(items) items is streamed, not held") }
    return Matrix(storage.base, rows: items, columns: width)
  }

  /// Writes the embeddings of some items `[rows, d]`; each rank asks for its own.
  ///
  /// `rows` holds distinct catalogue rows, ascending.
  package func embed(_ rows: RowList, into e: Matrix, workspace: Workspace) throws {
    guard !isWhole else {
      gather(rows, from: embeddings, into: e)
      return
    }
    let own = e.columns(0..<modelWidth)
    try workspace.scope { _ = try model.items.embed(rows, into: own, workspace: workspace) }
    for (index, item) in rows.enumerated() where isUnseen(item) {
      let id = coldPlaces[item].map { UnsafePointer(coldIDs.row($0)) } ?? UnsafePointer(meanID.base)
      own.row(index).update(from: id, count: meanID.count)
    }
    guard let text else { return }
    for (index, item) in rows.enumerated() { scale(Vector(own.row(index), count: modelWidth), by: factor(item)) }
    for (index, item) in rows.enumerated() { text.copy(Int(item), into: e.row(index) + modelWidth) }
  }

  /// What the model reads of some items `[rows, d]`, from their embeddings `[rows, d + w]`: without text, on the scale it was trained at.
  func inputs(_ rows: RowList, from embeddings: Matrix, into inputs: Matrix) {
    for row in 0..<rows.count { inputs.row(row).update(from: embeddings.row(row), count: modelWidth) }
    for (index, item) in rows.enumerated() { scale(Vector(inputs.row(index), count: modelWidth), by: 1 / factor(item)) }
  }

  /// Whether no training event shows an item.
  func isUnseen(_ item: Int32) -> Bool { trainCounts[Int(item)] == 0 }

  /// a of an item: what the model's part of its embedding is multiplied by.
  private func factor(_ item: Int32) -> Float {
    guard let blend = text?.blend else { return 1 }
    guard !isUnseen(item) else { return Float(blend.unseenScale) }
    return blend.tailTemper?.scale(events: trainCounts[Int(item)]) ?? 1
  }

  /// How sure a model is of users: the highest score among the items that were trained on most `[users]`.
  ///
  /// - Parameter users: what the model makes of them `[users, d]`.
  func confidence(_ users: Matrix, into confidence: Vector, workspace: Workspace) {
    precondition(users.columns == modelWidth && confidence.count == users.rows, "\(users.shape) users of width \(modelWidth)")
    workspace.scope {
      let scores = workspace.matrix(users.rows, known.rows)
      multiply(users, PackedFactor(known, transposed: true, workspace: workspace), into: scores)
      for user in 0..<users.rows {
        confidence[user] = (0..<known.rows).reduce(-Float.infinity) { max($0, scores[user, $1]) }
      }
    }
  }

  /// Walks through all items in order, block by block: `body` gets the rows and their embeddings, which live as long as the call.
  package func forEachBlock(workspace: Workspace, _ body: (Range<Int>, Matrix) throws -> Void) throws {
    for rows in blocks {
      try workspace.scope {
        if isWhole { return try body(rows, embeddings.rows(rows)) }
        let list = workspace.take(Int32.self, rows.count)
        for (index, row) in rows.enumerated() { list[index] = Int32(row) }
        let block = workspace.matrix(rows.count, width)
        try embed(RowList(start: list, count: rows.count), into: block, workspace: workspace)
        try body(rows, block)
      }
    }
  }

  /// The blocks' rows, in order.
  package var blocks: [Range<Int>] {
    stride(from: 0, to: items, by: Self.blockRows).map { $0..<min($0 + Self.blockRows, items) }
  }

  /// Finds the ID halves of items that no training event shows.
  private func findCold(_ vectors: TextVectors, _ workspace: Workspace) throws {
    let rows = trainCounts.indices.filter { trainCounts[$0] == 0 }.map { Int32($0) }
    guard meanID.count > 0, !rows.isEmpty else { return }
    coldStorage = Storage(count: rows.count * meanID.count)
    coldIDs = Matrix(coldStorage.base, rows: rows.count, columns: meanID.count)
    try workspace.scope {
      let texts = workspace.matrix(rows.count, vectors.width)
      for (index, row) in rows.enumerated() { vectors.copy(Int(row), into: texts.row(index)) }
      try cold.fill(coldIDs, texts: texts, own: rows, vectors: vectors, workspace: workspace)
    }
    coldPlaces = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
  }

  /// How items without training events get their ID halves.
  package var cold: UntrainedItems { UntrainedItems(self, trainCounts: trainCounts) }

  /// Walks through the ID rows of all items in order `[rows, d_id]`; collective.
  func forEachIDBlock(_ workspace: Workspace, _ body: (Range<Int>, Matrix) throws -> Void) throws {
    for rows in blocks { try workspace.scope { try body(rows, gatherIDs(rows, workspace)) } }
  }

  /// The rows with the most training events, ascending; of equal counts the lower rows.
  private static func mostTrained(_ counts: UnsafeBufferPointer<UInt32>) -> [Int] {
    var most: [Int] = []
    for row in counts.indices where most.count < knownItems || counts[row] > counts[most[most.count - 1]] {
      most.insert(row, at: most.firstIndex { counts[$0] < counts[row] } ?? most.count)
      if most.count > knownItems { most.removeLast() }
    }
    return most.sorted()
  }

  /// Sums in the order of items, wherever their rows are, so that the mean has the same bits on any number of ranks.
  private func findMeanID(_ workspace: Workspace) throws {
    guard meanID.count > 0 else { return }
    var sums = [Double](repeating: 0, count: meanID.count)
    var trained = 0
    try forEachIDBlock(workspace) { rows, ids in
      for (index, item) in rows.enumerated() where trainCounts[item] > 0 {
        trained += 1
        for column in sums.indices { sums[column] += Double(ids[index, column]) }
      }
    }
    for column in sums.indices { meanID[column] = Float(sums[column] / Double(max(trained, 1))) }
  }

  /// The ID rows of a block of items `[rows, d_id]`, from their owners.
  private func gatherIDs(_ rows: Range<Int>, _ workspace: Workspace) throws -> Matrix {
    let (partition, own) = (model.items.partition, model.items.ids)
    let runs = (0..<partition.ranks).map { partition.localRows(of: rows, ownedBy: $0) }
    let gathered = workspace.matrix(rows.count, meanID.count)
    let send = own.rows(runs[communicator.rank]).buffer
    try communicator.allGather(
      UnsafeBufferPointer(send), into: gathered.buffer, counts: runs.map { $0.count * meanID.count })
    let ids = workspace.matrix(rows.count, meanID.count)
    var next = 0
    for (rank, run) in runs.enumerated() {
      for local in run {
        ids.row(partition.row(local, ownedBy: rank) - rows.lowerBound).update(from: gathered.row(next), count: meanID.count)
        next += 1
      }
    }
    return ids
  }
}
