import CKernels
package import Host

/// The right-hand factor of products, laid out for the kernels: packed once, multiplied with many rows.
///
/// Every element of such a product is the same to the last bit whatever rows and columns stand beside it. So an item's embedding or
/// a user's score does not depend on who else is in the block, and with it on the number of ranks. Ours; docs/architecture.md says
/// why no library's.
package struct PackedFactor {
  /// The rows of the factor, k.
  package let depth: Int
  /// The columns of the factor, n.
  package let columns: Int
  /// What its elements are rounded to; left factors must be stored alike.
  package let precision: NumberFormat
  let words: UnsafeMutablePointer<UInt32>

  /// So many columns as they are laid out: in whole strips.
  package static func storedColumns(_ columns: Int) -> Int { (columns + 31) / 32 * 32 }

  /// The columns of a left factor: a zero more than k when pairs of bfloat16 need it.
  package var storedDepth: Int { precision == .bf16 ? (depth + 1) / 2 * 2 : depth }

  /// Packs `factor` · b `[k, n]` (`[n, k]` when transposed) into the workspace.
  package init(
    _ b: Matrix, transposed: Bool = false, factor: Float = 1, precision: NumberFormat = .fp32, workspace: Workspace
  ) {
    self.init(depth: transposed ? b.columns : b.rows, columns: transposed ? b.rows : b.columns, precision, workspace)
    ck_pack(precision.bf16Flag, transposed ? 1 : 0, depth, columns, factor, b.base, b.stride, words)
  }

  /// Packs rows b `[k, n]` as they are stored.
  package init(_ b: StoredRows, workspace: Workspace) {
    if let floats = b.floats {
      self.init(floats, workspace: workspace)
    } else {
      self.init(depth: b.rows, columns: b.columns, .bf16, workspace)
      ck_pack_bf16(depth, columns, b.bf16Base, words)
    }
  }

  private init(depth: Int, columns: Int, _ precision: NumberFormat, _ workspace: Workspace) {
    self.depth = depth
    self.columns = columns
    self.precision = precision
    words = workspace.take(UInt32.self, ck_packed_words(precision.bf16Flag, depth, columns))
  }
}

/// `c = a · b`, or `c += a · b` when `adding`; op(a) `[m, k]` (transposed when asked), b `[k, n]`, c `[m, n]`; rows of a and c may
/// have gaps.
package func multiply(_ a: Matrix, transposed: Bool = false, _ b: PackedFactor, into c: Matrix, adding: Bool = false) {
  let (m, k) = transposed ? (a.columns, a.rows) : (a.rows, a.columns)
  precondition(
    k == b.depth && c.rows == m && c.columns == b.columns && b.precision == .fp32,
    "product of \(a.shape)\(transposed ? "ᵀ" : "") and a packed [\(b.depth), \(b.columns)] of \(b.precision) into \(c.shape)")
  multiply(a.base, strides: transposed ? (1, a.stride) : (a.stride, 1), b, into: c, adding: adding)
}

/// `c = a · b`, or `c += a · b` when `adding`, of a left factor that is stored as the packed one is.
package func multiply(_ a: StoredRows, _ b: PackedFactor, into c: Matrix, adding: Bool = false) {
  precondition(
    a.columns == b.storedDepth && c.rows == a.rows && c.columns == b.columns && a.element == b.precision,
    "product of \(a.shape) of \(a.element) and a packed [\(b.depth), \(b.columns)] of \(b.precision) into \(c.shape)")
  multiply(a.base, strides: (a.columns * a.element.size / 4, 1), b, into: c, adding: adding)
}

/// `c += xᵀ · y`, what a weight's gradient is.
///
/// x `[T, m]` and y `[T, n]` stored alike; c `[m, n]`.
package func addProduct(ofTransposed x: StoredRows, _ y: StoredRows, to c: Matrix, workspace: Workspace) {
  precondition(
    x.rows == y.rows && x.element == y.element && c.rows == x.columns && c.columns == y.columns,
    "product of \(x.shape)ᵀ and \(y.shape) added to \(c.shape)")
  // The sums go through c once a block: long blocks, but not longer than what the caches hold.
  for start in stride(from: 0, to: x.rows, by: 512) {
    let rows = start..<min(start + 512, x.rows)
    workspace.scope {
      let right = PackedFactor(y.rows(rows), workspace: workspace)
      if let floats = x.rows(rows).floats {
        multiply(floats, transposed: true, right, into: c, adding: true)
      } else {
        let pairs = workspace.take(UInt32.self, (rows.count + 1) / 2 * x.columns)
        ck_pair_rows(rows.count, x.columns, x.rows(rows).bf16Base, pairs)
        multiply(pairs, strides: (1, x.columns), right, into: c, adding: true)
      }
    }
  }
}

/// `c = factor · op(a) · op(b)`, or `c += …` when `adding`.
///
/// op transposes when asked. For products that are formed once: packs b first.
package func multiply(
  _ a: Matrix, transposed transposeA: Bool = false, _ b: Matrix, rightTransposed transposeB: Bool = false, into c: Matrix,
  factor: Float = 1, adding: Bool = false, workspace: Workspace
) {
  workspace.scope {
    let packed = PackedFactor(b, transposed: transposeB, factor: factor, workspace: workspace)
    multiply(a, transposed: transposeA, packed, into: c, adding: adding)
  }
}

/// Adds to `counts[i]` how many elements of row i of `a · b` are not below `bounds[i]`; the product itself is never in memory.
///
/// A NaN counts, so that a broken model cannot look good.
package func countNotBelow(_ bounds: Vector, in a: Matrix, times b: PackedFactor, counts: UnsafeMutableBufferPointer<Int64>) {
  precondition(
    a.columns == b.depth && bounds.count == a.rows && counts.count == a.rows && b.precision == .fp32,
    "\(bounds.count) bounds and \(counts.count) counts for \(a.shape) times a packed [\(b.depth), \(b.columns)] of \(b.precision)"
  )
  guard let base = counts.baseAddress else { return }
  ck_packed_count(a.rows, b.columns, b.depth, a.base, a.stride, b.words, bounds.base, base)
}

/// The one call of the kernel: strides in words of 32 bits.
private func multiply(
  _ a: UnsafeRawPointer, strides: (row: Int, column: Int), _ b: PackedFactor, into c: Matrix, adding: Bool
) {
  guard b.depth > 0 else {
    if !adding { c.clear() }
    return
  }
  var factors = ck_factors(
    bf16: b.precision.bf16Flag, m: c.rows, n: c.columns, k: b.depth, a: a, a_row: strides.row, a_column: strides.column,
    packed: b.words)
  ck_product(&factors, adding ? 1 : 0, c.base, c.stride)
}
