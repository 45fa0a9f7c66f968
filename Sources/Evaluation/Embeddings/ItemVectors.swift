package import Collectives
package import Tensors

/// A vector of each item of the catalogue, `[V, w]`, by whose products with a user's vector items are ranked.
///
/// Vectors that fit the memory given are held by every rank; others are formed anew whenever they are walked through. Then `embed` and
/// `forEachBlock` are collective: every rank calls them, in the same order.
package protocol ItemVectors {
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

/// Item vectors that every rank can compute, whichever rows are asked for: those of a file that all of them read.
///
/// Ranks compute a share of each block and exchange them. The numbers are a function of the row alone, so they are the same on any number
/// of ranks, held or streamed.
package final class ComputedVectors: ItemVectors {
  /// Writes the vectors of a run of catalogue rows, `[rows, w]`.
  package typealias Write = (Range<Int>, Matrix) throws -> Void

  /// The number of items, V.
  package let items: Int
  /// w, the width of a vector.
  package let width: Int
  private let communicator: any Communicator
  private let write: Write
  private var storage: Storage<Float>?

  /// Whether every rank holds all vectors.
  package var isWhole: Bool { storage != nil }

  /// Prepares the vectors, and computes all of them when they fit `bytes`; collective.
  package init(
    items: Int, width: Int, communicator: any Communicator, workspace: Workspace, bytes: Int, write: @escaping Write
  ) throws {
    (self.items, self.width, self.communicator, self.write) = (items, width, communicator, write)
    guard items * width * MemoryLayout<Float>.stride <= bytes else { return }
    let storage = Storage<Float>(count: items * width)
    try forEachBlock(workspace: workspace) { rows, block in
      (storage.base + rows.lowerBound * width).update(from: block.base, count: block.count)
    }
    self.storage = storage
  }

  /// Writes the vectors of some items `[rows, w]`.
  package func embed(_ rows: RowList, into vectors: Matrix, workspace: Workspace) throws {
    for (index, row) in rows.enumerated() {
      if let storage {
        vectors.row(index).update(from: storage.base + Int(row) * width, count: width)
      } else {
        try write(Int(row)..<Int(row) + 1, vectors.rows(index..<index + 1))
      }
    }
  }

  /// Walks through all items in order; of streamed vectors collective.
  package func forEachBlock(workspace: Workspace, _ body: (Range<Int>, Matrix) throws -> Void) throws {
    for start in stride(from: 0, to: items, by: Catalogue.blockRows) {
      let rows = start..<min(start + Catalogue.blockRows, items)
      try workspace.scope {
        if let storage {
          return try body(rows, Matrix(storage.base + start * width, rows: rows.count, columns: width))
        }
        let block = workspace.matrix(rows.count, width)
        try compute(rows, into: block, workspace)
        try body(rows, block)
      }
    }
  }

  private func compute(_ rows: Range<Int>, into block: Matrix, _ workspace: Workspace) throws {
    let shares = (0..<communicator.size).map { Shares.range(of: $0, ranks: communicator.size, count: rows.count) }
    let mine = shares[communicator.rank]
    let own = workspace.matrix(mine.count, width)
    try write(rows.lowerBound + mine.lowerBound..<rows.lowerBound + mine.upperBound, own)
    try communicator.allGather(UnsafeBufferPointer(own.buffer), into: block.buffer, counts: shares.map { $0.count * width })
  }
}
