import CNeighbors
import Files
import Tensors

/// A graph of near neighbors over inner products: built row by row, written as hnswlib's file, read from it, searched.
///
/// HNSW (Malkov and Yashunin, 2016), as hnswlib builds it. One thread builds a graph, in the order in which rows are added, so the same rows
/// give the same file. A graph that is built is only written; one that is read is only searched.
final class NeighborGraph {
  /// What a graph is made of.
  struct Shape: Equatable {
    /// The number of rows.
    var rows: Int
    /// The number of columns.
    var width: Int
    /// Links of a row in an upper layer, M; in the lowest twice as many.
    var neighbors: Int
    /// Candidates whose best become links, efConstruction.
    var buildWidth: Int

    /// Of the draws of layers: hnswlib's own default.
    private static let seed: UInt64 = 100

    fileprivate var settings: cn_settings {
      cn_settings(
        rows: rows, width: width, neighbors: neighbors, build_width: buildWidth, seed: Self.seed)
    }
  }

  /// By what rows are near.
  enum Likeness {
    /// The product with the query.
    case product
    /// The cosine with the query; 0 of a row of zeros.
    case cosine
  }

  /// What the graph is made of.
  let shape: Shape
  private let graph: OpaquePointer
  private let isSearched: Bool

  private init(_ graph: OpaquePointer?, _ shape: Shape, isSearched: Bool) throws {
    guard let graph else { throw InputError("the index cannot be held: \(String(cString: cn_failure())); give it more memory") }
    (self.graph, self.shape, self.isSearched) = (graph, shape, isSearched)
  }

  deinit { cn_free(graph) }

  /// Starts a graph without a row.
  ///
  /// Throws `InputError` when there is no memory.
  convenience init(_ shape: Shape) throws {
    var settings = shape.settings
    try self.init(cn_create(&settings), shape, isSearched: false)
  }

  /// Takes over a file's bytes that `NeighborGraphFile` has checked; they are copied.
  ///
  /// Throws `InputError` when there is no memory.
  convenience init(_ file: NeighborGraphFile, _ bytes: UnsafeRawBufferPointer) throws {
    var settings = file.shape.settings
    try self.init(cn_read(&settings, bytes.baseAddress, bytes.count), file.shape, isSearched: true)
  }

  /// Adds a row, by which it is linked; `label` is what a search gives back.
  ///
  /// Throws `InputError` when there is no memory.
  func add(_ row: Vector, label: Int) throws {
    precondition(!isSearched && row.count == shape.width, "\(row.count) columns of \(shape.width)")
    guard cn_add(graph, row.base, UInt64(label)) == 0 else {
      throw InputError("the index cannot grow: \(String(cString: cn_failure())); give it more memory")
    }
  }

  /// Links a row to others as far as its lowest layer has places left.
  func link(_ label: Int, to others: [Int32]) {
    precondition(!isSearched && cn_link(graph, UInt64(label), others, others.count) == 0, "links of \(label)")
  }

  /// Hands out the bytes of the file, piece by piece.
  ///
  /// - Parameter rows: `[rows, any width]`, what the file has in place of the rows by which it was built; a label is a row of it.
  func write(_ rows: Matrix, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    precondition(rows.rows == shape.rows && rows.isContiguous, "\(rows.shape) in place of \(shape.rows) rows")
    try withoutActuallyEscaping(body) { body in
      let taker = Taker(body)
      _ = cn_write(
        graph, rows.base, rows.columns,
        { context, bytes, count in
          guard let context else { return 1 }
          return Unmanaged<Taker>.fromOpaque(context).takeUnretainedValue().take(
            UnsafeRawBufferPointer(start: bytes, count: count))
        }, Unmanaged.passUnretained(taker).toOpaque())
      if let failure = taker.failure { throw failure }
    }
  }

  /// What C hands pieces to; it keeps what was thrown, which cannot pass through C.
  private final class Taker {
    private(set) var failure: (any Error)?
    private let body: (UnsafeRawBufferPointer) throws -> Void

    init(_ body: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.body = body }

    func take(_ bytes: UnsafeRawBufferPointer) -> Int32 {
      do {
        try body(bytes)
        return 0
      } catch {
        failure = error
        return 1
      }
    }
  }

  /// The best rows found, best first, by their labels; of equal scores the lower label.
  ///
  /// Throws `InputError` when there is no memory.
  ///
  /// - Parameters:
  ///   - query: its columns are compared with as many first columns of the rows.
  ///   - breadth: how many rows the search keeps in sight, ef; at least `count`.
  func search(_ query: Vector, by likeness: Likeness, breadth: Int, count: Int) throws -> [TopItems.Entry] {
    precondition(isSearched && (1...shape.width).contains(query.count), "\(query.count) columns of \(shape.width) are searched")
    let most = min(count, shape.rows)
    guard most > 0 else { return [] }
    var asked = cn_query(row: query.base, columns: query.count, cosine: likeness == .cosine ? 1 : 0)
    var scores = [Float](repeating: 0, count: most)
    var found = 0
    let labels = [UInt64](unsafeUninitializedCapacity: most) { labels, filled in
      found = cn_search(graph, &asked, min(breadth, shape.rows), most, labels.baseAddress, &scores)
      filled = max(0, found)
    }
    guard found >= 0 else {
      throw InputError("the index cannot be searched: \(String(cString: cn_failure())); give it more memory")
    }
    return zip(labels, scores).map { TopItems.Entry(item: Int($0), score: $1) }
  }
}
