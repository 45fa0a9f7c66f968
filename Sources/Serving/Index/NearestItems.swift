import Datasets
import Evaluation
import Tensors

/// The items most like a query that a rule allows: by an index where there is one, else by all products.
///
/// Either way a score is the product that evaluation forms, in its order of additions, so that both ways print the same numbers. An index
/// is asked for more until enough of what it finds is allowed; where that would be half of the catalogue, all products are
/// formed instead. So as many items come back as the rule leaves.
final class NearestItems {
  /// By how much more is asked for when too little was allowed.
  private static let growth = 4
  /// A few more than are wanted: the item itself, and what a rule takes.
  private static let spare = 8

  private let served: ServedModel
  private let index: ItemIndex?
  /// |x|² of the items' columns without codes; only where cosines are asked for.
  private lazy var squares = findSquares()

  /// Searches a model's items.
  ///
  /// - Parameter index: nil = exactly.
  init(_ served: ServedModel, index: ItemIndex?) { (self.served, self.index) = (served, index) }

  /// The best items for a user's embedding, best first.
  ///
  /// Throws `InputError` when there is no memory for the search.
  ///
  /// - Parameters:
  ///   - user: `[1, width]`.
  ///   - share: how much of the catalogue may be allowed, as far as one knows beforehand.
  func best(
    _ count: Int, for user: Matrix, share: Double = 1, allows: (Int) -> Bool
  ) throws -> [TopItems.Entry] {
    try find(count, Query(row: user, norm: nil), share: share, allows: allows)
  }

  /// The items most like an item by the cosine without codes, best first; never itself, nor one whose embedding is zero.
  ///
  /// Throws `InputError` when there is no memory for the search.
  func similar(_ count: Int, to item: Int, share: Double = 1, allows: (Int) -> Bool) throws -> [TopItems.Entry] {
    let row = served.catalogue.embeddings.rows(item..<item + 1).columns(0..<served.catalogue.widthWithoutCodes)
    guard squares[item] > 0 else { return [] }
    return try find(count, Query(row: row, norm: squares[item].squareRoot()), share: share) {
      $0 != item && squares[$0] > 0 && allows($0)
    }
  }

  /// The same for several items: by all products these are formed for many items at a time, which is ten times as fast.
  ///
  /// Throws `InputError` when there is no memory for the search.
  func similar(_ count: Int, to items: [Int], share: Double = 1, allows: (Int) -> Bool) throws -> [[TopItems.Entry]] {
    guard index?.findsSimilar != true else {
      return try items.map { try similar(count, to: $0, share: share, allows: allows) }
    }
    let rows = served.catalogue.embeddings.columns(0..<served.catalogue.widthWithoutCodes)
    let isCandidate = (0..<rows.rows).map { squares[$0] > 0 && allows($0) }
    var found: [[TopItems.Entry]] = []
    for first in stride(from: 0, to: items.count, by: served.blockUsers) {
      served.workspace.scope {
        let block = items[first..<min(first + served.blockUsers, items.count)]
        let queries = served.workspace.matrix(block.count, rows.columns)
        for (row, item) in block.enumerated() { queries.row(row).update(from: rows.row(item), count: rows.columns) }
        let products = served.workspace.matrix(block.count, rows.rows)
        for part in served.catalogue.blocks {
          multiply(
            queries, rows.rows(part), rightTransposed: true, into: products.columns(part), workspace: served.workspace)
        }
        for (row, item) in block.enumerated() {
          let norm = squares[item].squareRoot()
          var top = TopItems(count)
          for other in 0..<rows.rows where norm > 0 && other != item && isCandidate[other] {
            top.offer(other, products[row, other] / (squares[other].squareRoot() * norm))
          }
          found.append(top.best)
        }
      }
    }
    return found
  }

  /// What is searched for.
  private struct Query {
    /// `[1, columns]`.
    let row: Matrix
    /// Its norm where the cosine is asked for; nil = the product.
    let norm: Float?

    var likeness: NeighborGraph.Likeness { norm == nil ? .product : .cosine }
  }

  private func find(_ count: Int, _ query: Query, share: Double, allows: (Int) -> Bool) throws -> [TopItems.Entry] {
    guard let index, query.likeness == .product || index.findsSimilar else { return exact(count, query, allows) }
    var asked = Int(min(Double(count + Self.spare) / max(share, 1e-9), Double(index.items)))
    while asked <= index.items / 2 {
      let row = Vector(query.row.base, count: query.row.columns)
      let allowed = try index.search(row, by: query.likeness, count: asked).map(\.item).filter(allows)
      if allowed.count >= count { return best(count, query, of: allowed) }
      asked *= Self.growth
    }
    return exact(count, query, allows)
  }

  /// The best of some items.
  private func best(_ count: Int, _ query: Query, of items: [Int]) -> [TopItems.Entry] {
    var top = TopItems(count)
    for entry in Self.products(served, query.row, of: items) { top.offer(entry.item, score(entry.score, entry.item, query)) }
    return top.best
  }

  /// A query's products with some items, as evaluation forms them.
  static func products(_ served: ServedModel, _ query: Matrix, of items: [Int]) -> [TopItems.Entry] {
    let workspace = served.workspace
    return workspace.scope {
      let rows = workspace.matrix(items.count, query.columns)
      for (row, item) in items.enumerated() {
        rows.row(row).update(from: served.catalogue.embeddings.row(item), count: query.columns)
      }
      let products = workspace.matrix(1, items.count)
      multiply(query, rows, rightTransposed: true, into: products, workspace: workspace)
      return items.indices.map { TopItems.Entry(item: items[$0], score: products[0, $0]) }
    }
  }

  private func exact(_ count: Int, _ query: Query, _ allows: (Int) -> Bool) -> [TopItems.Entry] {
    let items = served.catalogue.embeddings.columns(0..<query.row.columns)
    return served.workspace.scope {
      let products = served.workspace.matrix(1, items.rows)
      for block in served.catalogue.blocks {
        multiply(
          query.row, items.rows(block), rightTransposed: true, into: products.columns(block), workspace: served.workspace)
      }
      var top = TopItems(count)
      for item in 0..<items.rows where allows(item) { top.offer(item, score(products[0, item], item, query)) }
      return top.best
    }
  }

  private func score(_ product: Float, _ item: Int, _ query: Query) -> Float {
    query.norm.map { product / (squares[item].squareRoot() * $0) } ?? product
  }

  private func findSquares() -> [Float] {
    let items = served.catalogue.embeddings.columns(0..<served.catalogue.widthWithoutCodes)
    return served.workspace.scope {
      let squares = served.workspace.vector(items.rows)
      rowDots(items, items, into: squares)
      return squares.values
    }
  }
}
