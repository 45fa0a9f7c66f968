import Collectives
import Datasets
import Files
import Foundation

/// Writes a data set's files from sorted, filtered events: shards, items, and the manifest last.
struct DatasetWriter {
  /// A shard that was written.
  struct Shard: Codable {
    var file: DatasetManifest.File
    var extents: DatasetManifest.Shard
  }

  private let folder: String
  private var files: [DatasetManifest.File] = []

  /// Writes into a folder that somebody puts in place later.
  init(_ folder: String) { self.folder = folder }

  /// Rank 0 makes the folder of the shards; collective.
  func makeFolders(on communicator: any Communicator) throws {
    try communicator.agree(on: InputError.init) {
      if communicator.isFirst { try OutputFolder.makeFolder("shards", in: folder) }
    }
  }

  /// Writes this rank's shards, the users of which `events` has in order.
  func writeShards(
    _ events: SortedEvents, _ users: UserTable, of own: Range<Int>, rule: SplitProtocol, numbers: CategoryNumbers
  ) throws -> [Shard] {
    var shards: [Shard] = []
    var position = 0
    for index in own {
      let start = position
      while position < events.users.count && users.shard(Int(events.users[position])) == index { position += 1 }
      let shard = ShardWriter(
        events: events, range: start..<position, users: users, rule: rule, scenes: numbers.scenes, behaviors: numbers.behaviors)
      let name = UserShard.fileName(index)
      let file = try entry(name, try shard.write("\(folder)/\(name)"))
      let extents = DatasetManifest.Shard(users: position - start, events: events.starts[position] - events.starts[start])
      shards.append(Shard(file: file, extents: extents))
    }
    return shards
  }

  /// Notes the files of all shards and returns their extents.
  mutating func take(_ shards: [Shard]) -> [DatasetManifest.Shard] {
    files += shards.map(\.file)
    return shards.map(\.extents)
  }

  /// Writes `items.safetensors`; `rows` gives each catalogue row's place in `ids`.
  ///
  /// - Parameter isCold: of each catalogue row, whether it is cold; empty without the cold protocol.
  mutating func writeItems(
    ids: IdentifierTable, rows: [Int], itemFiles: ItemFiles, trainCounts: [UInt32], scenePairs: PairSet,
    numbers: CategoryNumbers, isCold: [Bool]
  ) throws {
    let name = ItemCatalogue.fileName
    let pairs = scenePairs.sorted()
    let idBytes = rows.reduce(0) { $0 + ids[$1].count }
    var writer = try SafetensorsWriter(
      path: "\(folder)/\(name)",
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
    try writer.write(pairs.map { numbers.scenes[Int($0.category)] })
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
    var file = try AtomicFile(path: "\(folder)/\(DatasetManifest.fileName)")
    try manifest.encoded().withUnsafeBytes { try file.write($0) }
    try file.commit()
    return manifest
  }

  private func entry(_ name: String, _ crc: UInt32) throws -> DatasetManifest.File {
    let size = try MappedFile(path: "\(folder)/\(name)").count
    return DatasetManifest.File(path: name, bytes: size, crc32: DatasetManifest.hexadecimal(crc, digits: 8))
  }
}

/// New numbers of scenes and behaviors: those without events or listings (`false`) are left out.
struct CategoryNumbers: Codable {
  let scenes: [UInt16]
  let behaviors: [UInt16]

  init(scenes: [Bool], behaviors: [Bool]) {
    (self.scenes, self.behaviors) = (Self.numbers(scenes), Self.numbers(behaviors))
  }

  private static func numbers(_ isUsed: [Bool]) -> [UInt16] {
    var next: UInt16 = 0
    return isUsed.map { isUsed in
      defer { next += isUsed ? 1 : 0 }
      return next
    }
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
