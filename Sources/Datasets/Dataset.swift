package import Files
import Glibc
import Synchronization

/// A prepared data set: a folder with `manifest.json`, `items.safetensors` and one file per virtual shard.
///
/// Opening reads the manifest and maps the items; a shard's file is compared with the manifest, mapped and checked when it is first
/// asked for.
package final class Dataset: Sendable {
  /// The folder, as given.
  package let path: String
  /// What the data set says of itself.
  package let manifest: DatasetManifest
  /// The items.
  package let items: ItemCatalogue
  private let shards: Mutex<[UserShard?]>

  /// Opens a data set.
  ///
  /// Throws `InputError` when the folder is none, or files are missing, cut short or do not fit together.
  package init(path: String) throws {
    let path = OutputFolder.withoutTrailingSlash(path)
    guard Dataset.isDataset(path) else {
      throw InputError("\(path) is no data set (it has no \(DatasetManifest.fileName)); make one with precise prepare")
    }
    self.path = path
    manifest = try DatasetManifest.read("\(path)/\(DatasetManifest.fileName)")
    // Shards are looked at when they are asked for: a rank opens its own and no others.
    for file in manifest.files where !file.path.hasPrefix(UserShard.folder) { try Self.checkSize(of: file, in: path) }
    items = try ItemCatalogue(
      path: "\(path)/\(ItemCatalogue.fileName)", count: manifest.items, sceneCount: manifest.scenes.count,
      hasColdItems: manifest.hasColdItems)
    shards = Mutex(Array(repeating: nil, count: manifest.shards.count))
  }

  private static func checkSize(of file: DatasetManifest.File, in path: String) throws {
    let size = try MappedFile(path: "\(path)/\(file.path)").count
    guard size == file.bytes else {
      throw InputError("\(path)/\(file.path) has \(size) bytes, the manifest says \(file.bytes); make the data set again")
    }
  }

  /// Whether a folder holds a data set's manifest.
  package static func isDataset(_ path: String) -> Bool {
    access("\(OutputFolder.withoutTrailingSlash(path))/\(DatasetManifest.fileName)", F_OK) == 0
  }

  /// Names of the scenes; an event's scene number is a place in here.
  package var scenes: [String] { manifest.scenes.map(\.name) }

  /// Names of the behaviors; an event's behavior number is a place in here.
  package var behaviors: [String] { manifest.behaviors.map(\.name) }

  /// The number of virtual shards.
  package var shardCount: Int { manifest.shards.count }

  /// A virtual shard, mapped on first use and then kept; training events on cold items are left out of it.
  ///
  /// Throws `InputError` when its file is damaged.
  package func shard(_ index: Int) throws -> UserShard {
    precondition((0..<shardCount).contains(index), "shard \(index) of \(shardCount)")
    return try shards.withLock { shards in
      if let shard = shards[index] { return shard }
      let shard = try openShard(index, leavesColdOut: manifest.hasColdItems)
      shards[index] = shard
      return shard
    }
  }

  /// A virtual shard, mapped anew and not kept: every event that is stored, unless told otherwise.
  package func openShard(_ index: Int, leavesColdOut: Bool = false) throws -> UserShard {
    if let file = manifest.files.first(where: { $0.path == UserShard.fileName(index) }) { try Self.checkSize(of: file, in: path) }
    let isCold: ((Int32) -> Bool)? = leavesColdOut ? { [items] in items.isCold(Int($0)) } : nil
    return try UserShard(
      path: "\(path)/\(UserShard.fileName(index))", shard: manifest.shards[index], manifest: manifest, isCold: isCold)
  }

  /// The user with this id: shard and number in it, or nil.
  ///
  /// Throws `InputError` when the shard is damaged.
  package func find(user id: String) throws -> (shard: Int, user: Int)? {
    let index = VirtualShards.shard(ofUser: id, of: shardCount)
    return try shard(index).find(id).map { (index, $0) }
  }

  /// Reads every file and compares its CRC-32 with the manifest.
  ///
  /// Throws `InputError` naming the first that differs.
  package func verifyChecksums() throws {
    for file in manifest.files { try check(try CRC32.of(file: "\(path)/\(file.path)"), of: file) }
  }

  /// Reads a shard's file and compares its CRC-32 with the manifest.
  ///
  /// Throws `InputError` when it differs, and what `checkStop` throws, which is asked now and then.
  package func verify(shard index: Int, checkStop: () throws -> Void) throws {
    guard let file = manifest.files.first(where: { $0.path == UserShard.fileName(index) }) else { return }
    try check(CRC32.part(0, of: 1, file: "\(path)/\(file.path)", checkStop: checkStop).checksum, of: file)
  }

  /// Throws `InputError` when a checksum is not the one that the manifest gives the table of items.
  package func check(itemsChecksum found: UInt32) throws {
    for file in manifest.files where file.path == ItemCatalogue.fileName { try check(found, of: file) }
  }

  private func check(_ checksum: UInt32, of file: DatasetManifest.File) throws {
    let found = DatasetManifest.hexadecimal(checksum, digits: 8)
    guard found == file.crc32 else {
      throw InputError("\(path)/\(file.path) has checksum \(found), the manifest says \(file.crc32); make the data set again")
    }
  }

  /// Compares the size of every file with the manifest, without reading any.
  ///
  /// Throws `InputError` naming the first that is missing or differs.
  package func checkSizes() throws {
    for file in manifest.files { try Self.checkSize(of: file, in: path) }
  }
}

extension OutputFolder.Kind {
  /// A data set: what `prepare` writes, and `encode` into it.
  package static let dataset = OutputFolder.Kind(
    "a data set", marker: DatasetManifest.fileName, isSound: DatasetManifest.isManifest,
    owns: {
      [
        DatasetManifest.fileName, ItemCatalogue.fileName, "shards", "token_states.safetensors", "encode.json",
        "text_vectors.safetensors",
      ].contains($0)
    })
}
