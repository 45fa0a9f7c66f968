public import Tensors

/// A vector of each item of the catalogue, `[V, w]`, by whose products with a user's vector items are ranked.
///
/// Vectors that fit the memory given are held by every rank; others are formed anew whenever they are walked through. Then `embed` and
/// `forEachBlock` are collective: every rank calls them, in the same order.
public protocol ItemVectors {
  /// The number of items, V.
  var items: Int { get }
  /// w, the width of a vector.
  var width: Int { get }
  /// Whether every rank holds all vectors.
  var isWhole: Bool { get }

  /// Writes the vectors of some items `[rows, w]`; each rank asks for its own, distinct and ascending.
  func embed(_ rows: RowList, into vectors: Matrix, workspace: Workspace) throws

  /// Walks through all items in order, block by block: `body` gets the rows and their vectors, which live as long as the call.
  func forEachBlock(workspace: Workspace, _ body: (Range<Int>, Matrix) throws -> Void) throws
}

extension Catalogue: ItemVectors {}
