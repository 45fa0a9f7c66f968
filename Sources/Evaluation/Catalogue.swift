public import Collectives
import Items
import Kernels
public import Model
public import Similarity
public import Tensors

/// The embeddings of all items, as evaluation, export and recommendation use them: e `[V, d]`, or with a text blend `[e ; t]`
/// `[V, d + w]`.
///
/// An item without a training event gets the mean of all trained ID rows as its ID half, and with a blend its e is scaled so that its
/// scores spread as those of an item with a few events (ours; docs/model.md, sections 1 and 7).
///
/// Owners fuse their items and share them, block by block of fixed rows. A catalogue that fits the given memory is then held whole
/// by every rank; a larger one is formed anew whenever it is walked through, and a rank never holds more than a block of it. The
/// numbers are the same either way, because an item's embedding is a function of the item alone. Of a streamed catalogue `embed`
/// and `forEachBlock` are collective: every rank calls them, in the same order.
public final class Catalogue {
  /// Rows that are formed and shared at a time: fixed by the table, not by ranks.
  public static let blockRows = 4096
  /// The bytes of embeddings that a rank may hold, unless told otherwise.
  public static let defaultBytes = 1 << 30

  /// The number of items, V.
  public let items: Int
  /// The width of an embedding: d, or d + w with a text blend.
  public let width: Int
  /// d, the width of what the model makes of an item.
  public let modelWidth: Int
  /// The text half; nil without one.
  public let text: TextBlend?
  /// The mean of the trained ID rows, `[d_id]`: the ID half of items new to the model.
  public let meanID: Vector
  /// Whether every rank holds all embeddings.
  public var isWhole: Bool { storage != nil }

  /// Prepares the catalogue of a model, and embeds every item when that fits `bytes`; collective.
  ///
  /// - Parameters:
  ///   - trainCounts: training events of each item; must stay where they are as long as the catalogue lives.
  ///   - text: the text half of every embedding; nil for what the model makes of items alone.
  public init(
    _ model: PreciseModel, trainCounts: UnsafeBufferPointer<UInt32>, text: TextBlend? = nil, communicator: any Communicator,
    workspace: Workspace, bytes: Int = defaultBytes
  ) throws {
    (items, modelWidth) = (trainCounts.count, model.shape.fusion.width)
    width = modelWidth + (text?.vectors.width ?? 0)
    self.text = text
    self.model = model
    self.trainCounts = trainCounts
    self.communicator = communicator
    means = Storage(count: model.shape.fusion.idWidth)
    meanID = Vector(means.base, count: means.count)
    try findMeanID(workspace)
    guard items * width * MemoryLayout<Float>.stride <= bytes else { return }
    let storage = Storage<Float>(count: items * width)
    try forEachBlock(workspace: workspace) { rows, block in
      (storage.base + rows.lowerBound * width).update(from: block.base, count: block.count)
    }
    self.storage = storage
  }

  /// All embeddings `[V, d]`; only of a whole catalogue.
  public var embeddings: Matrix {
    guard let storage else { preconditionFailure("a catalogue of \(items) items is streamed, not held") }
    return Matrix(storage.base, rows: items, columns: width)
  }

  /// Writes the embeddings of some items `[rows, d]`; each rank asks for its own.
  ///
  /// `rows` holds distinct catalogue rows, ascending.
  public func embed(_ rows: RowList, into e: Matrix, workspace: Workspace) throws {
    guard !isWhole else {
      gather(rows, from: embeddings, into: e)
      return
    }
    let own = e.columns(0..<modelWidth)
    try workspace.scope { _ = try model.items.embed(rows, into: own, workspace: workspace) }
    for (place, item) in rows.enumerated() where isUnseen(item) {
      own.row(place).update(from: meanID.base, count: meanID.count)
    }
    guard let text else { return }
    scaleUnseen(rows, own, by: Float(text.blend.unseenScale))
    for (place, item) in rows.enumerated() { text.vectors.copy(Int(item), into: e.row(place) + modelWidth) }
  }

  /// What the model reads of some items `[rows, d]`, from their embeddings `[rows, d + w]`: without text, on the scale it was trained at.
  func inputs(_ rows: RowList, from embeddings: Matrix, into inputs: Matrix) {
    for row in 0..<rows.count { inputs.row(row).update(from: embeddings.row(row), count: modelWidth) }
    if let text { scaleUnseen(rows, inputs, by: Float(1 / text.blend.unseenScale)) }
  }

  private func scaleUnseen(_ rows: RowList, _ e: Matrix, by factor: Float) {
    for (place, item) in rows.enumerated() where isUnseen(item) {
      scale(Vector(e.row(place), count: modelWidth), by: factor)
    }
  }

  private func isUnseen(_ item: Int32) -> Bool { trainCounts[Int(item)] == 0 }

  /// Walks through all items in order, block by block: `body` gets the rows and their embeddings, which live as long as the call.
  public func forEachBlock(workspace: Workspace, _ body: (Range<Int>, Matrix) throws -> Void) throws {
    for rows in blocks {
      try workspace.scope {
        if isWhole { return try body(rows, embeddings.rows(rows)) }
        let list = workspace.take(Int32.self, rows.count)
        for (place, row) in rows.enumerated() { list[place] = Int32(row) }
        let block = workspace.matrix(rows.count, width)
        try embed(RowList(start: list, count: rows.count), into: block, workspace: workspace)
        try body(rows, block)
      }
    }
  }

  /// The blocks' rows, in order.
  public var blocks: [Range<Int>] {
    stride(from: 0, to: items, by: Self.blockRows).map { $0..<min($0 + Self.blockRows, items) }
  }

  /// Sums in the order of items, wherever their rows are, so that the mean has the same bits on any number of ranks.
  private func findMeanID(_ workspace: Workspace) throws {
    guard meanID.count > 0 else { return }
    var sums = [Double](repeating: 0, count: meanID.count)
    var trained = 0
    for rows in blocks {
      try workspace.scope {
        let ids = try gatherIDs(rows, workspace)
        for (place, item) in rows.enumerated() where trainCounts[item] > 0 {
          trained += 1
          for column in sums.indices { sums[column] += Double(ids[place, column]) }
        }
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

  private let model: PreciseModel
  private let trainCounts: UnsafeBufferPointer<UInt32>
  private let communicator: any Communicator
  private let means: Storage<Float>
  private var storage: Storage<Float>?
}
