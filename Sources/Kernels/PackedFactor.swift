import CKernels
public import Tensors

/// The right-hand factor of products whose elements are the same to the last bit whatever rows and columns stand beside them.
///
/// Ours. A library's product may add up an element in another order when there are other rows, so an item's embedding or a user's
/// score would depend on who else is in the block, and with it on the number of ranks. Here an element is a function of its row and
/// its column alone. As fast as `multiply` on matrices once the packing is shared by some dozens of rows.
public struct PackedFactor {
  /// The rows of the factor, k.
  public let depth: Int
  /// The columns of the factor, n.
  public let columns: Int
  fileprivate let packed: UnsafeMutablePointer<Float>

  /// Packs b `[k, n]` (`[n, k]` when transposed) into the workspace.
  public init(_ b: Matrix, transposed: Bool = false, workspace: Workspace) {
    (depth, columns) = transposed ? (b.columns, b.rows) : (b.rows, b.columns)
    packed = workspace.take(Float.self, ck_packed_size(depth, columns))
    ck_pack(transposed ? 1 : 0, depth, columns, b.base, b.stride, packed)
  }
}

/// `c = a · b`: a `[m, k]`, b `[k, n]`, c `[m, n]`; rows of a and c may have gaps.
public func multiply(_ a: Matrix, _ b: PackedFactor, into c: Matrix) {
  precondition(
    a.columns == b.depth && c.rows == a.rows && c.columns == b.columns,
    "product of \(a.shape) and a packed [\(b.depth), \(b.columns)] into \(c.shape)")
  ck_packed_product(a.rows, b.columns, b.depth, a.base, a.stride, b.packed, c.base, c.stride)
}

/// Adds to `counts[i]` how many elements of row i of `a · b` are not below `bounds[i]`; the product itself is never in memory.
///
/// A NaN counts, so that a broken model cannot look good.
public func countNotBelow(_ bounds: Vector, in a: Matrix, times b: PackedFactor, counts: UnsafeMutableBufferPointer<Int64>) {
  precondition(
    a.columns == b.depth && bounds.count == a.rows && counts.count == a.rows,
    "\(bounds.count) bounds and \(counts.count) counts for \(a.shape) times a packed [\(b.depth), \(b.columns)]")
  guard let base = counts.baseAddress else { return }
  ck_packed_count(a.rows, b.columns, b.depth, a.base, a.stride, b.packed, bounds.base, base)
}
