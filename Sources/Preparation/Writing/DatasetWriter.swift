import Datasets
import Files
import Foundation

/// Writes a data set's files from sorted, filtered events: shards, items, and the manifest last.
struct DatasetWriter {
  private let folder: OutputFolder
  private var files: [DatasetManifest.File] = []

  init(_ folder: OutputFolder) { self.folder = folder }

  /// New numbers of scenes or behaviors: those without events or listings (`isUsed` false) are left out.
  static func renumbering(_ isUsed: [Bool]) -> [UInt16] {
    var next: UInt16 = 0
    return isUsed.map { isUsed in
      defer { next += isUsed ? 1 : 0 }
      return next
    }
  }

  /// Writes every shard and returns their extents.
  mutating func writeShards(
    _ events: SortedEvents, _ users: UserTable, rule: SplitProtocol, scenes: [UInt16], behaviors: [UInt16]
  ) throws -> [DatasetManifest.Shard] {
    try folder.makeFolder("shards")
    var shards: [DatasetManifest.Shard] = []
    var entries: [DatasetManifest.File] = []
    var position = 0
    for index in 0..<users.shardCount {
      let start = position
      while position < events.users.count && users.shard(Int(events.users[position])) == index { position += 1 }
      let shard = ShardWriter(
        events: events, range: start..<position, users: users, rule: rule, scenes: scenes, behaviors: behaviors)
      let name = UserShard.fileName(index)
      entries.append(try entry(name, try shard.write("\(folder.temporaryPath)/\(name)")))
      shards.append(DatasetManifest.Shard(users: position - start, events: events.starts[position] - events.starts[start]))
    }
    files += entries
    return shards
  }

  /// Writes `items.safetensors`; `rows` gives each catalogue row's place in `ids`.
  ///
  /// - Parameter isCold: of each catalogue row, whether it is cold; empty without the cold protocol.
  mutating func writeItems(
    ids: IdentifierTable, rows: [Int], itemFiles: ItemFiles, trainCounts: [UInt32], scenePairs: PairSet, scenes: [UInt16],
    isCold: [Bool]
  ) throws {
    let name = ItemCatalogue.fileName
    let pairs = scenePairs.sorted()
    let idBytes = rows.reduce(0) { $0 + ids[$1].count }
    var writer = try SafetensorsWriter(
      path: "\(folder.temporaryPath)/\(name)",
      tensors: [
        TensorSpec("ids_offsets", .i64, [rows.count + 1]), TensorSpec("texts_offsets", .i64, [rows.count + 1]),
        TensorSpec("scene_offsets", .i64, [rows.count + 1]), TensorSpec("train_counts", .u32, [rows.count]),
        TensorSpec("ids_sorted", .i32, [rows.count]), TensorSpec("scenes", .u16, [pairs.count]),
      ] + (isCold.isEmpty ? [] : [TensorSpec(ItemCatalogue.coldTensor, .u8, [rows.count])]) + [
        TensorSpec("ids_bytes", .u8, [idBytes]), TensorSpec("texts_bytes", .u8, [itemFiles.textBytes]),
      ])
    try writer.write(offsets(rows.map { ids[$0].count }))
    try writer.write(offsets(rows.indices.map { itemFiles.text($0).count }))
    var scenesPerItem = [Int](repeating: 0, count: rows.count)
    for pair in pairs { scenesPerItem[pair.number] += 1 }
    try writer.write(offsets(scenesPerItem))
    try writer.write(trainCounts)
    try writer.write(sortedOrder(rows.count) { ids[rows[$0]] })
    try writer.write(pairs.map { scenes[Int($0.category)] })
    if !isCold.isEmpty { try writer.write(isCold.map { UInt8($0 ? 1 : 0) }) }
    for row in rows { try writer.append(ids[row]) }
    for item in rows.indices { try writer.append(itemFiles.text(item)) }
    files.insert(try entry(name, try writer.finish()), at: 0)
  }

  /// Completes the manifest with the file list and its checksum and writes it.
  func writeManifest(_ manifest: DatasetManifest) throws -> DatasetManifest {
    var manifest = manifest
    manifest.files = files
    manifest.checksum = DatasetManifest.checksum(of: files)
    var file = try AtomicFile(path: "\(folder.temporaryPath)/\(DatasetManifest.fileName)")
    try manifest.encoded().withUnsafeBytes { try file.write($0) }
    try file.commit()
    return manifest
  }

  private func entry(_ name: String, _ crc: UInt32) throws -> DatasetManifest.File {
    let size = try MappedFile(path: "\(folder.temporaryPath)/\(name)").count
    return DatasetManifest.File(path: name, bytes: size, crc32: DatasetManifest.hexadecimal(crc, digits: 8))
  }
}

/// Running sums from 0, one more than there are counts.
func offsets(_ counts: [Int]) -> [Int64] {
  var sums: [Int64] = [0]
  sums.reserveCapacity(counts.count + 1)
  var sum: Int64 = 0
  for count in counts {
    sum += Int64(count)
    sums.append(sum)
  }
  return sums
}

/// The numbers `0..<count` in bytewise order of their strings.
func sortedOrder(_ count: Int, _ bytes: (Int) -> UnsafeRawBufferPointer) -> [Int32] {
  (0..<Int32(count)).sorted { compareBytes(bytes(Int($0)), bytes(Int($1))) < 0 }
}
