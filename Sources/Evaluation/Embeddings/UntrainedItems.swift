package import Tensors
package import Texts

/// The ID halves of items that no training event shows: the mean of the ID rows of the items nearest by text.
///
/// Ours. Their own rows are the random start still. Neighbors are trained items, and every item of a list is compared with all of them:
/// a list too long for that takes the mean of all trained ID rows instead.
package struct UntrainedItems {
  /// Neighbors of an item.
  package static let neighbors = 10
  /// Items times trained items that are compared, at most.
  static let mostPairs = 4_000_000_000

  private let catalogue: Catalogue
  private let trainCounts: UnsafeBufferPointer<UInt32>

  init(_ catalogue: Catalogue, trainCounts: UnsafeBufferPointer<UInt32>) {
    (self.catalogue, self.trainCounts) = (catalogue, trainCounts)
  }

  /// Whether so many items are few enough to be compared; more of them take the mean of all trained ID rows.
  package func compares(_ items: Int) -> Bool { items * catalogue.items <= Self.mostPairs }

  /// Writes the ID halves of some items `[items, d_id]`; collective, every rank with items of its own choice or none.
  ///
  /// - Parameters:
  ///   - texts: the items' text vectors `[items, w]`; an item of zeros gets the mean of all trained ID rows.
  ///   - own: the catalogue rows of the items, none of which is a neighbor of itself; -1 for items that have none.
  package func fill(
    _ ids: Matrix, texts: Matrix, own: [Int32], vectors: TextVectors, workspace: Workspace
  ) throws {
    precondition(ids.rows == texts.rows && own.count == ids.rows, "\(ids.shape) for \(texts.shape)")
    for row in 0..<ids.rows { ids.row(row).update(from: catalogue.meanID.base, count: ids.columns) }
    let lists = compares(ids.rows) ? nearest(texts, own, vectors, workspace) : []
    var sums = [Double](repeating: 0, count: lists.count * ids.columns)
    // Sums go in the order of rows, whatever ranks own them.
    let wanted = Dictionary(grouping: lists.enumerated().flatMap { item, rows in rows.map { (row: $0, item: item) } }, by: \.row)
    try catalogue.forEachIDBlock(workspace) { rows, block in
      for row in rows {
        for pair in wanted[row] ?? [] {
          for column in 0..<ids.columns { sums[pair.item * ids.columns + column] += Double(block[row - rows.lowerBound, column]) }
        }
      }
    }
    for (item, list) in lists.enumerated() where !list.isEmpty {
      for column in 0..<ids.columns { ids[item, column] = Float(sums[item * ids.columns + column] / Double(list.count)) }
    }
  }

  /// The trained rows nearest to each item by text.
  private func nearest(_ texts: Matrix, _ own: [Int32], _ vectors: TextVectors, _ workspace: Workspace) -> [[Int]] {
    var best = [NearestRows](repeating: NearestRows(Self.neighbors), count: texts.rows)
    let trained = trainCounts.indices.filter { trainCounts[$0] > 0 }
    for start in stride(from: 0, to: trained.count, by: 1024) {
      workspace.scope {
        let rows = trained[start..<min(start + 1024, trained.count)]
        let block = workspace.matrix(rows.count, vectors.width)
        for (index, row) in rows.enumerated() { vectors.copy(row, into: block.row(index)) }
        let factor = PackedFactor(block, transposed: true, workspace: workspace)
        for first in stride(from: 0, to: texts.rows, by: 256) {
          let items = first..<min(first + 256, texts.rows)
          workspace.scope {
            let products = workspace.matrix(items.count, rows.count)
            multiply(texts.rows(items), factor, into: products)
            for item in items {
              let values = products.row(item - first)
              for (index, row) in rows.enumerated() where Int(own[item]) != row { best[item].offer(row, values[index]) }
            }
          }
        }
      }
    }
    return best.map(\.rows)
  }
}

/// The rows of the highest products offered, above zero; of equal ones those offered first.
private struct NearestRows {
  private let capacity: Int
  private var found: [(row: Int, product: Float)] = []

  init(_ capacity: Int) { self.capacity = capacity }

  var rows: [Int] { found.map(\.row) }

  @inline(__always)
  mutating func offer(_ row: Int, _ product: Float) {
    guard product > 0, found.count < capacity || product > found[found.count - 1].product else { return }
    found.insert((row, product), at: found.firstIndex { product > $0.product } ?? found.count)
    if found.count > capacity { found.removeLast() }
  }
}
