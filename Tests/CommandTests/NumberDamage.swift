import Foundation

@testable import Checkpoints
@testable import Datasets

/// A number in a JSON file of ours that says what no such number can say, or what only a far larger world could.
struct NumberDamage {
  /// What takes the numbers' place: beyond every bound, its square beyond 64 bits, itself beyond them as a float, below zero, none.
  static var values: [Any] { [1 << 40, 1 << 62, -1, 1e300, 0] }

  /// The file's JSON, one value a line for logs.
  private let lines: [Any]
  private let isLog: Bool

  init(_ path: String) throws {
    let text = try Data(contentsOf: URL(fileURLWithPath: path))
    isLog = path.hasSuffix(".jsonl")
    lines = try (isLog ? text.split(separator: UInt8(ascii: "\n")).map { Data($0) } : [text]).map {
      try JSONSerialization.jsonObject(with: $0)
    }
  }

  /// The keys of all numbers, without places in lists: `shards.users`, `all.recall@10`.
  var keys: [String] {
    var keys: Set<String> = []
    for line in lines { _ = Self.replaced(line, "") { key, number in (keys.insert(key), number).1 } }
    return keys.sorted()
  }

  /// The file with other numbers under some keys.
  func file(_ keys: Set<String>, _ value: Any) throws -> Data {
    let changed = lines.map { Self.replaced($0, "") { key, number in keys.contains(key) ? value : number } }
    let parts = try changed.map { try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys]) }
    return Data(parts.joined(separator: Data("\n".utf8)) + (isLog ? Data("\n".utf8) : Data()))
  }

  private static func replaced(_ value: Any, _ key: String, _ change: (String, Any) -> Any) -> Any {
    switch value {
    case let object as [String: Any]:
      return Dictionary(
        uniqueKeysWithValues: object.map { ($0, replaced($1, key.isEmpty ? $0 : "\(key).\($0)", change)) })
    case let list as [Any]: return list.map { replaced($0, key, change) }
    case let number as NSNumber where !isFlag(number): return change(key, number)
    default: return value
    }
  }

  private static func isFlag(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

  /// Makes the checksum of a data set's manifest fit its list of files again, so that what stands there is read.
  @Sendable static func resealDataset(_ path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    guard var manifest = try JSONSerialization.jsonObject(with: data) as? [String: Any],
      let list = manifest["files"] as? [[String: Any]]
    else { return }
    let files = list.compactMap { file -> DatasetManifest.File? in
      guard let path = file["path"] as? String, let bytes = file["bytes"] as? Int, let crc = file["crc32"] as? String else {
        return nil
      }
      return DatasetManifest.File(path: path, bytes: bytes, crc32: crc)
    }
    guard files.count == list.count else { return }
    manifest["checksum"] = DatasetManifest.checksum(of: files)
    try JSONSerialization.data(withJSONObject: manifest).write(to: URL(fileURLWithPath: path))
  }

  /// Seals a checkpoint's manifest again; one with a number that cannot be read keeps its seal.
  @Sendable static func resealCheckpoint(_ path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    guard let manifest = try? CheckpointManifest.decoded(data) else { return }
    try manifest.write(to: URL(fileURLWithPath: path).deletingLastPathComponent().path)
  }
}
