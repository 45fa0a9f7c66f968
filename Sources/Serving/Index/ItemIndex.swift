import Datasets
import Evaluation
import Files
import Runs
import Tensors

/// An index opened and checked: the items with the highest product or cosine, found without forming all products.
///
/// A folder with `items.hnsw` (hnswlib's file, labels are catalogue rows), `items.txt` (their ids, a line each) and `index.json`.
package final class ItemIndex {
  /// The graph's file.
  static let graphName = "items.hnsw"
  /// The ids' file.
  static let idsName = "items.txt"

  /// What the index is of.
  package let record: IndexRecord
  private let path: String
  private let graph: NeighborGraph

  /// Opens an index for a model.
  ///
  /// Throws `InputError` when a file is missing or damaged, and when the index is of another model, step or data set.
  package convenience init(path: String, for served: ServedModel) throws {
    let path = OutputFolder.withoutTrailingSlash(path)
    try self.init(path: path, record: IndexRecord(folder: path), for: served)
    try checkIdentity(served)
  }

  /// Opens an index by a record that may not be written yet.
  init(path: String, record: IndexRecord, for served: ServedModel) throws {
    (self.path, self.record) = (path, record)
    let (rows, width) = (served.dataset.items.count, served.width)
    guard (record.items, record.width) == (rows, width) else {
      throw InputError(
        "\(path) is an index of \(record.items) items of width \(record.width), and the model has \(rows) of width \(width); "
          + "build it again")
    }
    graph = try Self.load("\(path)/\(Self.graphName)", checksum: record.checksum, items: served.catalogue.embeddings)
  }

  /// Reads the graph's file; all that is searched later is checked here, on the very bytes that are copied.
  private static func load(_ path: String, checksum: Int, items: Matrix) throws -> NeighborGraph {
    try MappedFile(path: path).withBytes { bytes in
      guard Int(CRC32.of(bytes)) == checksum else {
        throw NeighborGraphFile.damage(path, "its checksum is not that of \(IndexRecord.fileName)")
      }
      let file = try NeighborGraphFile(bytes, path: path, rows: items.rows, width: items.columns)
      try file.forEachRow { item, numbers in
        guard isNear(numbers, items.row(item)) else {
          throw InputError("\(path) is of another model: item \(item) has another embedding there; build the index again")
        }
      }
      return try NeighborGraph(file, bytes)
    }
  }

  /// Embeddings of other processors differ in their last bits.
  private static func isNear(_ numbers: UnsafeRawBufferPointer, _ row: UnsafePointer<Float>) -> Bool {
    var (square, difference): (Float, Float) = (0, 0)
    for column in 0..<numbers.count / 4 {
      let stored = numbers.loadUnaligned(fromByteOffset: 4 * column, as: Float.self)
      square += row[column] * row[column]
      difference += (stored - row[column]) * (stored - row[column])
    }
    return difference <= 1e-6 * square
  }

  private func checkIdentity(_ served: ServedModel) throws {
    guard record.datasetChecksum == served.dataset.manifest.checksum else {
      throw InputError("\(path) is an index of another data set than \(served.dataset.path); build it again")
    }
    guard (record.phase, record.step) == (served.plan.name, served.step) else {
      throw InputError(
        "\(path) is an index of phase \(record.phase), step \(record.step), and the model is of phase \(served.plan.name), "
          + "step \(served.step); build it again")
    }
  }

  /// The number of items.
  var items: Int { graph.shape.rows }

  /// Whether items like an item are found by the index sooner than by all products.
  ///
  /// Links follow what users tell apart, and that may be far from cosines.
  var findsSimilar: Bool { record.similarSearchWidth > 0 }

  /// The items that the index finds to have the highest product with a query, best first; their scores may differ from evaluation's in
  /// the last bits.
  ///
  /// Throws `InputError` when there is no memory.
  ///
  /// - Parameters:
  ///   - query: its columns are compared with as many first columns of the items.
  ///   - breadth: how many items the search keeps in sight; nil = as measured, and in proportion where more are asked for.
  func search(
    _ query: Vector, by likeness: NeighborGraph.Likeness = .product, count: Int, breadth: Int? = nil
  ) throws -> [TopItems.Entry] {
    let share = Double(count) / Double(max(1, record.recallAt))
    let width = likeness == .product ? record.searchWidth : record.similarSearchWidth
    let usual = Double(max(1, width)) * max(1, share)
    return try graph.search(
      query, by: likeness, breadth: breadth ?? Int(min(usual, Double(items))), count: count)
  }
}
