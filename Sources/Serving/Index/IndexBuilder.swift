import Files
import Tensors

/// Builds the graph of an index from the rows of a catalogue, for the users that will ask.
///
/// A user's best items are those of the highest product, which is no distance, and users are not distributed as items are. So:
///
/// 1. Items are linked in a space in which they are as far apart as users tell them apart (`LinkSpace`).
/// 2. There they get one more column, √(m² − |x|²) with m the longest row's norm (Bachrach et al. 2014, section 3). All are equally long
///    then, and the order of products is that of distances. A query has 0 in it.
/// 3. They are added from the longest to the shortest: most users' best ones are long, and most ways lead to the first rows.
/// 4. Places for links that the graph's heuristic leaves free go to items that stand beside each other in users' lists (`UserLinks`).
///
/// The file has the rows themselves: a search asks for their products, and none of this is known to it. docs/serving.md has what each step
/// gave.
package struct IndexBuilder: Sendable {
  /// Links of a row in an upper layer, M; in the lowest, where a search ends, twice as many.
  package var neighbors = 32
  /// Candidates whose best become links, efConstruction.
  package var buildWidth = 200

  /// Rows that are moved at a time.
  private static let blockRows = 1024

  /// The numbers that were measured to do.
  package init() {}

  /// Builds the graph; the same numbers give the same bytes, on processors that add products up in the same order.
  ///
  /// - Parameters:
  ///   - items: `[V, d]`.
  ///   - users: `[n, d]`; without any, links are made by the items alone.
  ///   - progress: called with the number of items added since the last call.
  /// - Throws: `InputError` when there is no memory.
  func build(
    _ items: Matrix, for users: Matrix, workspace: Workspace, progress: (Int) -> Void = { _ in }
  ) throws -> NeighborGraph {
    let shape = NeighborGraph.Shape(
      rows: items.rows, width: items.columns + 1, neighbors: neighbors, buildWidth: buildWidth)
    let graph = try NeighborGraph(shape)
    let storage = Storage<Float>(count: shape.rows * shape.width)
    let rows = Matrix(storage.base, rows: shape.rows, columns: shape.width)
    for item in try move(items, users, into: rows, workspace) {
      try graph.add(Vector(rows.row(item), count: rows.columns), label: item)
      progress(1)
    }
    let lists = ExactBest.find(UserLinks.depth, users, among: items, workspace: workspace)
    let links = UserLinks(lists, items: items.rows)
    for item in 0..<items.rows { graph.link(item, to: links.others(of: item)) }
    return graph
  }

  /// Writes the rows by which items are linked, and gives the order in which they are added.
  private func move(_ items: Matrix, _ users: Matrix, into rows: Matrix, _ workspace: Workspace) throws -> [Int] {
    let space = LinkSpace(users, workspace: workspace)
    for first in stride(from: 0, to: items.rows, by: Self.blockRows) {
      let block = first..<min(first + Self.blockRows, items.rows)
      space.move(items.rows(block), into: rows.rows(block).columns(0..<items.columns), workspace: workspace)
    }
    let squares = (0..<rows.rows).map { Self.square(rows.row($0), items.columns) }
    let longest = squares.max() ?? 0
    for item in squares.indices { rows[item, items.columns] = Float((longest - squares[item]).squareRoot()) }
    return squares.indices.sorted { (squares[$0], $1) > (squares[$1], $0) }
  }

  private static func square(_ row: UnsafePointer<Float>, _ columns: Int) -> Double {
    (0..<columns).reduce(0) { $0 + Double(row[$1]) * Double(row[$1]) }
  }
}
