import CKernels
import Host

/// Rows rounded to bfloat16, with their lengths and those of what rounding took: what bounds the error of their products.
package struct RoundedRows {
  /// The longest rows that errors are bounded for.
  private static let widest = 1 << 16

  fileprivate let words: UnsafeMutablePointer<UInt16>
  fileprivate let norms: Vector
  fileprivate let remainders: Vector
  fileprivate let width: Int

  /// Whether rows of a width can be screened by: where the processor has AVX-512's products of bfloat16.
  package static func isSupported(width: Int) -> Bool { ck_screens() == 1 && width <= widest }

  /// Makes room for so many rows of width k in the workspace: 2 k + 8 bytes each.
  package init(capacity: Int, width: Int, workspace: Workspace) {
    self.width = width
    (norms, remainders) = (workspace.vector(capacity), workspace.vector(capacity))
    words = workspace.take(UInt16.self, capacity * Self.stored(width))
  }

  /// Takes the rounded rows `[rows, k]` in place of those before.
  package func round(_ rows: Matrix) {
    precondition(rows.columns == width && rows.rows <= norms.count, "\(rows.shape) in room for [\(norms.count), \(width)]")
    ck_rounded_norms(rows.rows, width, rows.base, rows.stride, norms.base, remainders.base)
    let stored = Self.stored(width)
    for row in 0..<rows.rows {
      ck_bf16_narrow(width, rows.row(row), words + row * stored)
      if stored > width { words[row * stored + width] = 0 }
    }
  }

  /// Numbers of a row as it is stored: whole pairs.
  fileprivate static func stored(_ width: Int) -> Int { (width + 1) / 2 * 2 }
}

/// The right-hand factor of products of rounded rows: some items, packed, and how far each was moved by rounding.
package struct ScreenedItems {
  /// The number of items.
  package let count: Int
  fileprivate let factor: PackedFactor
  fileprivate let norms: Vector
  fileprivate let remainders: Vector

  /// Rounds and packs items `[n, k]` into the workspace: 2 k + 8 bytes an item.
  package init(_ items: Matrix, workspace: Workspace) {
    count = items.rows
    factor = PackedFactor(items, transposed: true, precision: .bf16, workspace: workspace)
    (norms, remainders) = (workspace.vector(count), workspace.vector(count))
    ck_rounded_norms(count, items.columns, items.base, items.stride, norms.base, remainders.base)
  }

  /// Decides by products in bfloat16 what it can of products in float32 (screen.c says how).
  ///
  /// Adds to `counts[i]` how many items' scores are surely not below row i's bound, and puts those that are open behind the others in row
  /// i's list: not surely on one side of the bound, or not surely at most what is wanted.
  ///
  /// - Parameters:
  ///   - bounds: of the first so many rows; of others nothing is asked.
  ///   - wanted: what a score is above that is asked for itself; nil where none is.
  ///   - first: the number of the first item.
  /// - Returns: how many are open.
  package func screen(
    _ rows: RoundedRows, bounds: Vector, wanted: Vector?, counts: UnsafeMutablePointer<Int64>, from first: Int,
    into open: OpenItems
  ) -> Int {
    precondition(
      rows.width == factor.depth && RoundedRows.isSupported(width: rows.width) && bounds.count <= rows.norms.count
        && wanted.map { $0.count == bounds.count } != false && bounds.count <= open.rows && count <= open.capacity,
      "\(bounds.count) of \(rows.norms.count) rows of width \(rows.width) against [\(factor.depth), \(count)]")
    var task = ck_screened(
      m: bounds.count, n: count, k: rows.width, a: rows.words, packed: factor.words, a_norms: rows.norms.base,
      a_remainders: rows.remainders.base, b_norms: norms.base, b_remainders: remainders.base, bounds: bounds.base,
      wanted: wanted?.base, first: first, open_stride: open.stride)
    return ck_screen(&task, counts, open.items, open.counts)
  }
}

/// Items of each row that are still to be scored in float32, in order.
package struct OpenItems {
  /// Items of a row that may wait while others are added: as many as are scored at once.
  package static let together = 32

  fileprivate let rows: Int
  fileprivate let capacity: Int
  fileprivate let items: UnsafeMutablePointer<Int32>
  fileprivate let counts: UnsafeMutablePointer<Int32>
  fileprivate var stride: Int { Self.together + capacity + 16 }

  /// Makes room for so many rows in the workspace, each with fewer than `together` items that wait and `capacity` that come.
  package init(rows: Int, capacity: Int, workspace: Workspace) {
    (self.rows, self.capacity) = (rows, capacity)
    items = workspace.take(Int32.self, rows * (Self.together + capacity + 16))
    counts = workspace.take(Int32.self, rows)
    removeAll()
  }

  /// Empties all lists.
  package func removeAll() { counts.update(repeating: 0, count: rows) }

  /// A row's items.
  package func items(of row: Int) -> RowList { RowList(start: items + row * stride, count: Int(counts[row])) }

  /// Takes away the first items of a row.
  package func remove(first count: Int, of row: Int) {
    let start = items + row * stride
    start.update(from: start + count, count: Int(counts[row]) - count)
    counts[row] -= Int32(count)
  }

  /// Shortens a row's list to what it was before others came.
  package func shorten(_ row: Int, to count: Int) { counts[row] = Int32(count) }
}

/// Writes the products of one row `[k]` with some rows of b `[n, k]`, with the bits that `multiply` gives.
package func multiplyRow(_ row: Vector, with b: Matrix, at rows: RowList, into scores: UnsafeMutablePointer<Float>) {
  precondition(row.count == b.columns, "a row of \(row.count) with rows of \(b.columns)")
  guard let first = rows.baseAddress else { return }
  ck_row_scores(rows.count, row.count, row.base, b.base, b.stride, first, scores)
}
