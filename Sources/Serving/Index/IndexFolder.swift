import Datasets
import Evaluation
package import Files
import Preparation
import Tensors

/// Builds an index of a model's items into a folder: graph, ids and record, whole or not at all.
///
/// One process, one thread: the graph's bytes are a function of the embeddings alone.
package struct IndexFolder {
  /// What an earlier index is, for `OutputFolder`.
  package static let kind = OutputFolder.Kind(
    "an index", marker: IndexRecord.fileName,
    owns: { [IndexRecord.fileName, ItemIndex.graphName, ItemIndex.idsName].contains($0) })

  /// How the graph is built.
  package var builder = IndexBuilder()
  /// The share of the best items that is to be found.
  package var wantedRecall = 0.98
  /// Whether an earlier index may be replaced.
  package var overwrite = false
  /// The program's version, for the record.
  package var version = ""

  private let served: ServedModel

  /// Indexes a model, whose catalogue is held whole.
  package init(_ served: ServedModel) { self.served = served }

  /// Writes the folder.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - run: the run's name, for the record.
  ///   - progress: called with the number of items added since the last call.
  /// - Returns: the record, with what was measured.
  /// - Throws: `InputError` when something stands in the way, the disk refuses, there is no memory, or there is no item.
  package func write(to path: String, run: String, progress: (Int) -> Void = { _ in }) throws -> IndexRecord {
    guard served.catalogue.items > 0 else { throw InputError("\(served.dataset.path) has no item, so there is nothing to index") }
    let folder = try OutputFolder(path: path, kind: Self.kind, overwrite: overwrite)
    try writeIds(folder.temporaryPath)
    let (items, users) = (served.catalogue.embeddings, try IndexUsers(served))
    let graph = try builder.build(items, for: users.linking, workspace: served.workspace, progress: progress)
    var record = IndexRecord(served, run: run, version: version, builder: builder, wantedRecall: wantedRecall)
    record.checksum = Int(try Self.write(graph, items, to: "\(folder.temporaryPath)/\(ItemIndex.graphName)"))
    record.linkingUsers = users.linking.rows
    // What is measured is what was written, read as everybody reads it.
    let index = try ItemIndex(path: folder.temporaryPath, record: record, for: served)
    try IndexMeasurement(served, users: users.measured).measure(index, into: &record)
    var file = try AtomicFile(path: "\(folder.temporaryPath)/\(IndexRecord.fileName)")
    try file.write(try record.text + "\n")
    try file.commit()
    try folder.commit()
    return record
  }

  /// Writes a graph with the rows that are searched; returns its checksum.
  static func write(_ graph: NeighborGraph, _ rows: Matrix, to path: String) throws -> UInt32 {
    var file = try AtomicFile(path: path)
    var checksum = CRC32()
    try graph.write(rows) {
      checksum.update($0)
      try file.write($0)
    }
    try file.commit()
    return checksum.value
  }

  private func writeIds(_ folder: String) throws {
    let items = served.dataset.items
    var file = try AtomicFile(path: "\(folder)/\(ItemIndex.idsName)")
    for item in 0..<items.count {
      let id = items.id(item)
      guard !IdentifierLines.cannotHold(id) else {
        throw InputError(
          "the id \(id) has a line separator in it, so that a list of ids would be off by a line; prepare the data set again")
      }
      try file.write(id + "\n")
    }
    try file.commit()
  }
}
