import Datasets
import Evaluation
public import Files
import Reporting
import Tensors
import Training

/// Writes every item's and every user's embedding into a folder, for a nearest-neighbour index or any other reader.
///
/// Items stand in catalogue order with new ones behind them, users in the order of virtual shards. `export.json` says what the
/// folder holds; the folder appears whole or not at all.
public struct EmbeddingExport {
  /// The file by which an export is known.
  public static let recordName = "export.json"
  /// What an earlier export is, for `OutputFolder`.
  public static let kind = OutputFolder.Kind("an export", marker: recordName)

  /// How the numbers are written.
  public var format = EmbeddingFormat.safetensors
  /// Which events of a user are read.
  public var history = ServedModel.HistoryExtent.all
  /// Whether an earlier export may be replaced.
  public var overwrite = false

  private let served: ServedModel

  /// Exports a model.
  public init(_ served: ServedModel) { self.served = served }

  /// Writes the folder.
  ///
  /// - Parameter progress: called with the number of rows written since the last call.
  /// - Throws: `InputError` when something stands in the way or the disk refuses.
  public func write(to path: String, newItems: NewItems? = nil, progress: (Int) -> Void = { _ in }) throws {
    let folder = try OutputFolder(path: path, kind: Self.kind, overwrite: overwrite)
    try writeItems(folder, newItems, progress)
    try writeUsers(folder, progress)
    var record = try AtomicFile(path: "\(folder.temporaryPath)/\(Self.recordName)")
    try record.write(self.record(newItems).indented + "\n")
    try record.commit()
    try folder.commit()
  }

  private func writeItems(_ folder: OutputFolder, _ newItems: NewItems?, _ progress: (Int) -> Void) throws {
    let known = served.catalogue.embeddings
    let items = served.dataset.items
    let file = try file(folder, "items", rows: known.rows + (newItems?.count ?? 0))
    for rows in blocks(known.rows, of: 1024) {
      try file.append(known.rows(rows)) { items.id(rows.lowerBound + $0) }
      progress(rows.count)
    }
    if let newItems {
      for rows in blocks(newItems.count, of: 1024) {
        try served.workspace.scope {
          let block = served.workspace.matrix(rows.count, served.width)
          newItems.embed(rows, into: block)
          try file.append(block) { newItems.list.ids[rows.lowerBound + $0] }
        }
        progress(rows.count)
      }
    }
    try file.finish()
  }

  private func writeUsers(_ folder: OutputFolder, _ progress: (Int) -> Void) throws {
    let file = try file(folder, "users", rows: served.dataset.manifest.users)
    for shard in 0..<served.dataset.shardCount {
      let shard = try served.dataset.shard(shard)
      for users in blocks(shard.userCount, of: 256) {
        try served.workspace.scope {
          let block = served.workspace.matrix(users.count, served.width)
          served.embed(users.map { shard.events($0) }, history: history, into: block)
          try file.append(block) { shard.id(users.lowerBound + $0) }
        }
        progress(users.count)
      }
    }
    try file.finish()
  }

  private func file(_ folder: OutputFolder, _ name: String, rows: Int) throws -> EmbeddingFile {
    try EmbeddingFile(
      folder: folder.temporaryPath, name: name, format: format, rows: rows, width: served.width,
      metadata: ["phase": served.plan.name, "step": "\(served.step)", "dataset": served.dataset.manifest.checksum])
  }

  private func blocks(_ count: Int, of size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  private func record(_ newItems: NewItems?) -> JSONValue {
    [
      "format": .string(format.rawValue), "phase": .string(served.plan.name), "step": .int(served.step),
      "dataset": .string(served.dataset.manifest.checksum), "width": .int(served.width),
      "items": .int(served.dataset.items.count), "new_items": .int(newItems?.count ?? 0),
      "users": .int(served.dataset.manifest.users), "history": .string(history.rawValue),
    ]
  }
}
