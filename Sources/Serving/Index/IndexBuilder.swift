import Files
import Tensors

/// Builds the graph of an index from the rows of a catalogue.
///
/// A user's best items are those of the highest product, which is no distance: a long row is near everything. So links are made in a
/// space with one more column, √(m² − |x|²) with m the longest row's norm (Bachrach et al. 2014, section 3). There all rows are
/// equally long, and the order of products is that of distances. A query has 0 in that column, so the graph is searched, and
/// stored, without it. Rows are added from the longest to the shortest, since most users' best items are long ones: the first rows of a
/// graph are the ones that most ways lead to. docs/serving.md has what other ways gave.
package struct IndexBuilder: Sendable {
  /// Links of a row in an upper layer, M.
  package var neighbors = 16
  /// Candidates whose best become links, efConstruction.
  package var buildWidth = 200

  /// hnswlib's usual numbers.
  package init() {}

  /// Builds the graph; the same rows give the same bytes, on processors that add products up in the same order.
  ///
  /// - Parameters:
  ///   - rows: `[V, d]`.
  ///   - progress: called with the number of rows added since the last call.
  /// - Throws: `InputError` when there is no memory.
  func build(_ rows: Matrix, progress: (Int) -> Void = { _ in }) throws -> NeighborGraph {
    let shape = NeighborGraph.Shape(
      rows: rows.rows, width: rows.columns, extra: 1, neighbors: neighbors, buildWidth: buildWidth)
    let graph = try NeighborGraph(shape)
    let squares = (0..<rows.rows).map { Self.square(rows.row($0), rows.columns) }
    let longest = squares.max() ?? 0
    let storage = Storage<Float>(count: rows.columns + 1)
    let row = Vector(storage.base, count: rows.columns + 1)
    for item in (0..<rows.rows).sorted(by: { (squares[$0], $1) > (squares[$1], $0) }) {
      row.base.update(from: rows.row(item), count: rows.columns)
      row[rows.columns] = Float((longest - squares[item]).squareRoot())
      try graph.add(row, label: item)
      progress(1)
    }
    return graph
  }

  private static func square(_ row: UnsafePointer<Float>, _ columns: Int) -> Double {
    (0..<columns).reduce(0) { $0 + Double(row[$1]) * Double(row[$1]) }
  }
}
