public import Collectives
import Items
public import Model
public import Tensors

/// The embeddings of all items, as evaluation, export and recommendation use them: e `[V, d]`.
///
/// An item without a training event gets the mean of all trained ID rows as its ID half (ours; docs/model.md,
/// section 1). Every rank gets the whole catalogue, block by block from its owners.
public final class Catalogue {
  /// e `[V, d]`.
  public let embeddings: Matrix
  /// The mean of the trained ID rows, `[d_id]`: the ID half of items new to the model.
  public let meanID: Vector

  /// Embeds every item.
  ///
  /// - Parameter trainCounts: training events of each item.
  public init(
    _ model: PreciseModel, trainCounts: UnsafeBufferPointer<UInt32>, communicator: any Communicator, workspace: Workspace
  ) throws {
    let (items, width) = (trainCounts.count, model.shape.fusion.width)
    storage = Storage(count: items * width)
    means = Storage(count: model.shape.fusion.idWidth)
    embeddings = Matrix(storage.base, rows: items, columns: width)
    meanID = Vector(means.base, count: means.count)
    let block = 4096
    for start in stride(from: 0, to: items, by: block) {
      try workspace.scope {
        let rows = start..<min(start + block, items)
        let list = workspace.take(Int32.self, rows.count)
        for (index, row) in rows.enumerated() { list[index] = Int32(row) }
        _ = try model.items.embed(RowList(start: list, count: rows.count), into: embeddings.rows(rows), workspace: workspace)
      }
    }
    substituteUntrained(trainCounts)
  }

  private func substituteUntrained(_ trainCounts: UnsafeBufferPointer<UInt32>) {
    guard meanID.count > 0 else { return }
    var sums = [Double](repeating: 0, count: meanID.count)
    var trained = 0
    for item in 0..<embeddings.rows where trainCounts[item] > 0 {
      trained += 1
      for column in sums.indices { sums[column] += Double(embeddings[item, column]) }
    }
    for column in sums.indices { meanID[column] = Float(sums[column] / Double(max(trained, 1))) }
    for item in 0..<embeddings.rows where trainCounts[item] == 0 {
      embeddings.row(item).update(from: meanID.base, count: meanID.count)
    }
  }

  private let storage: Storage<Float>
  private let means: Storage<Float>
}
