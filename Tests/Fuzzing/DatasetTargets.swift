import Files
import Foundation
import TestSupport

@testable import Datasets
@testable import Preparation

extension FuzzTarget {
  /// A data set's manifest, and the files behind its checksums.
  static var datasetTargets: [FuzzTarget] { [datasetManifest, datasetFiles] }

  /// The manifest as it is, and once more with a file list and a checksum that fit.
  private static var datasetManifest: FuzzTarget {
    FuzzTarget("dataset-manifest", seeds: { [try contents(try FuzzWorld($0).dataset().path + "/manifest.json")] }) { folder in
      let whole = try FuzzWorld(folder).dataset()
      return { input in
        folder.put("dataset/manifest.json", input)
        attempt { try DatasetWalk.everything(try Dataset(path: whole.path)) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard var manifest = try? decoder.decode(DatasetManifest.self, from: Data(input)) else { return }
        let shards = manifest.shards.prefix(VirtualShards.maximumCount).indices.map(UserShard.fileName)
        manifest.files = ([ItemCatalogue.fileName] + shards).map { name in
          whole.manifest.files.first { $0.path == name } ?? .init(path: name, bytes: 0, crc32: "00000000")
        }
        attempt { try open(manifest, folder) }
      }
    }
  }

  /// The file that the first byte chooses, under a manifest that has its size and checksum.
  private static var datasetFiles: FuzzTarget {
    FuzzTarget("dataset-files", seeds: datasetFilesSeeds) { folder in
      let whole = try FuzzWorld(folder).dataset()
      let originals = try whole.manifest.files.map { try contents("\(whole.path)/\($0.path)") }
      return { input in
        guard let choice = input.first.map({ Int($0) % originals.count }) else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
        var manifest = whole.manifest
        let name = "dataset/\(manifest.files[choice].path)"
        folder.put(name, bytes)
        manifest.files[choice].bytes = bytes.count
        manifest.files[choice].crc32 = DatasetManifest.hexadecimal(CRC32.of(bytes), digits: 8)
        attempt { try open(manifest, folder) }
        folder.put(name, originals[choice])
      }
    }
  }

  private static func datasetFilesSeeds(_ folder: TemporaryFolder) throws -> [[UInt8]] {
    let whole = try FuzzWorld(folder).dataset()
    return try whole.manifest.files.enumerated().map { [UInt8($0)] + (try contents("\(whole.path)/\($1.path)")) }
  }

  private static func open(_ manifest: DatasetManifest, _ folder: TemporaryFolder) throws {
    var manifest = manifest
    manifest.checksum = DatasetManifest.checksum(of: manifest.files)
    guard let text = try? manifest.encoded() else { return }
    folder.put("dataset/manifest.json", Array(text))
    try DatasetWalk.everything(try Dataset(path: folder.file("dataset")))
  }
}

/// Touches everything that a data set hands out, as its users do.
enum DatasetWalk {
  static func everything(_ dataset: Dataset) throws {
    _ = PreparationSummary(dataset.manifest).description
    let items = dataset.items
    for item in 0..<items.count {
      _ = (items.key(item), items.text(item), items.hasText(item), items.trainCounts[item], items.index(of: items.id(item)))
      for scene in items.scenes(item) { _ = dataset.scenes[scene] }
    }
    for index in 0..<dataset.shardCount {
      let shard = try dataset.shard(index)
      for user in 0..<shard.userCount {
        _ = try dataset.find(user: shard.id(user))
        let events = shard.events(user)
        for position in events.items.indices {
          must((0..<items.count).contains(Int(events.items[position])), "an item out of bounds")
          _ = (
            dataset.scenes[Int(events.scenes[position])], dataset.behaviors[Int(events.behaviors[position])],
            events.times[position]
          )
        }
        for position in [events.validation, events.test] { if let position { _ = events.items[position] } }
        _ = events.items.prefix(events.trainCount)
      }
    }
  }
}
