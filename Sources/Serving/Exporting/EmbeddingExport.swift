import Collectives
import Datasets
import Evaluation
package import Files
import Host
import Preparation
import Reporting
import Runs
import Tensors

/// Writes every item's and every user's embedding into a folder, for a nearest-neighbor index or any other reader.
///
/// Items stand in catalogue order with new ones behind them, users in the order of virtual shards. `export.json` says what the
/// folder holds; the folder appears whole or not at all.
///
/// Rank 0 writes. Users are embedded by all ranks: blocks of fixed users of a virtual shard are assigned in turn and written in
/// order, so the files are the same, byte for byte, whatever the number of ranks.
package struct EmbeddingExport {
  /// The file by which an export is known.
  package static let recordName = "export.json"
  /// What an earlier export is, for `OutputFolder`.
  package static let kind = OutputFolder.Kind(
    "an export", marker: recordName,
    owns: { entry in
      let parts = entry.split(separator: ".")
      return [recordName, ModelCard.fileName].contains(entry)
        || parts.count == 2 && ["items", "users"].contains(parts[0])
          && ["safetensors", "npy", "jsonl", "parquet", "txt"].contains(parts[1])
    })

  /// How the numbers are written.
  package var format = EmbeddingFormat.safetensors
  /// Which events of a user are read.
  package var history = ServedModel.HistoryExtent.all
  /// Whether an earlier export may be replaced.
  package var overwrite = false
  /// When it is made, in seconds since 1970: now, unless told otherwise.
  package var created = WallClock.seconds()

  private static let blockItems = 1024

  private let served: ServedModel
  private let version: String
  private let users: ExportedUsers

  /// Exports a model.
  ///
  /// - Parameters:
  ///   - version: of the program, for the record.
  ///   - events: whose users are exported instead of the data set's; nil = the data set's.
  package init(_ served: ServedModel, version: String, events: FreshEvents? = nil) {
    (self.served, self.version) = (served, version)
    users = ExportedUsers(served.dataset, fresh: events)
  }

  /// Users that are exported.
  package var userCount: Int { users.count }

  /// Writes the folder; collective.
  ///
  /// - Parameters:
  ///   - path: the folder; looked at by rank 0 alone, as `newItems` is.
  ///   - progress: called on rank 0 with the number of rows written since the last call.
  /// - Throws: `InputError` when something stands in the way or the disk refuses.
  package func write(to path: String, newItems: NewItems? = nil, progress: (Int) -> Void = { _ in }) throws {
    let folder = served.communicator.isFirst ? try OutputFolder(path: path, kind: Self.kind, overwrite: overwrite) : nil
    try writeItems(folder, newItems, progress)
    try writeUsers(folder, progress)
    guard let folder else { return }
    let provenance = try Provenance(served, version: version, created: created)
    let card = ModelCard(
      served, provenance, format: format, items: served.dataset.items.count + (newItems?.count ?? 0), users: users.count)
    for (name, text) in [(Self.recordName, record(newItems, provenance).indented + "\n"), (ModelCard.fileName, card.text)] {
      var file = try AtomicFile(path: "\(folder.temporaryPath)/\(name)")
      try file.write(text)
      try file.commit()
    }
    try folder.commit()
  }

  private func writeItems(_ folder: OutputFolder?, _ newItems: NewItems?, _ progress: (Int) -> Void) throws {
    let (catalogue, workspace) = (served.catalogue, served.workspace)
    let items = served.dataset.items
    try NewItems.findNeighbors(newItems, served: served)
    let file = try start("items", in: folder, rows: catalogue.items + (newItems?.count ?? 0))
    for rows in blocks(catalogue.items, of: Self.blockItems) {
      try workspace.scope {
        let wanted = file == nil ? rows.prefix(0) : rows
        let list = workspace.take(Int32.self, wanted.count)
        for (index, row) in wanted.enumerated() { list[index] = Int32(row) }
        let block = workspace.matrix(wanted.count, served.width)
        try catalogue.embed(RowList(start: list, count: wanted.count), into: block, workspace: workspace)
        try file?.append(block) { items.id(rows.lowerBound + $0) }
        progress(wanted.count)
      }
    }
    guard let file else { return }
    if let newItems { try append(newItems, to: file, progress) }
    try file.finish()
  }

  private func append(_ newItems: NewItems, to file: EmbeddingFile, _ progress: (Int) -> Void) throws {
    for rows in blocks(newItems.count, of: Self.blockItems) {
      try served.workspace.scope {
        let block = served.workspace.matrix(rows.count, served.width)
        newItems.embed(rows, into: block)
        try file.append(block) { newItems.list.ids[rows.lowerBound + $0] }
      }
      progress(rows.count)
    }
  }

  private func writeUsers(_ folder: OutputFolder?, _ progress: (Int) -> Void) throws {
    let communicator = served.communicator
    let file = try start("users", in: folder, rows: users.count)
    for round in blocks(users.blocks.count, of: communicator.size) {
      let own = round.lowerBound + communicator.rank
      let all = try communicator.gatherToFirst(try embed(own < users.blocks.count ? users.events(users.blocks[own]) : []))
      guard let file else { continue }
      try write(all, of: users.blocks[round], to: file)
      progress(all.count / served.width)
    }
    try file?.finish()
  }

  /// The embeddings of some users, row behind row.
  private func embed(_ events: [UserEvents]) throws -> [Float] {
    try served.workspace.scope {
      let block = served.workspace.matrix(events.count, served.width)
      try served.embed(events, history: history, into: block)
      return Array(block.buffer)
    }
  }

  /// Writes a round's blocks in order.
  private func write(_ embeddings: [Float], of blocks: ArraySlice<ExportedUsers.Block>, to file: EmbeddingFile) throws {
    try served.workspace.scope {
      let all = served.workspace.matrix(embeddings.count / served.width, served.width)
      all.base.update(from: embeddings, count: embeddings.count)
      var first = 0
      for block in blocks {
        let ids = try users.ids(block)
        try file.append(all.rows(first..<first + ids.count)) { ids[$0] }
        first += ids.count
      }
    }
  }

  /// Starts a table's files; nil on the ranks that write nothing.
  private func start(_ name: String, in folder: OutputFolder?, rows: Int) throws -> EmbeddingFile? {
    guard let folder else { return nil }
    return try EmbeddingFile(
      folder: folder.temporaryPath, name: name, format: format, rows: rows, width: served.width,
      metadata: ["phase": served.plan.name, "step": "\(served.step)", "dataset_checksum": served.dataset.manifest.checksum])
  }

  private func blocks(_ count: Int, of size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  private func record(_ newItems: NewItems?, _ provenance: Provenance) -> JSONValue {
    let time = served.requestTime.map { [JSONValue.Field("request_time", .double(Double($0.microseconds) / 1e6))] } ?? []
    return .object(
      [.init("format", .string(format.rawValue))] + provenance.fields + [
        .init("width", .int(served.width)), .init("code_width", .int(served.width - served.catalogue.widthWithoutCodes)),
        .init("items", .int(served.dataset.items.count)), .init("new_items", .int(newItems?.count ?? 0)),
        .init("users", .int(users.count)), .init("history", .string(history.rawValue)),
      ] + time)
  }
}
