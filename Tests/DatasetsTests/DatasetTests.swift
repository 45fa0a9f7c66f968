import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Opening data sets that are whole, and refusing those that are not.
@Suite struct DatasetTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("d")
    var builder = DatasetBuilder()
    builder.options.virtualShards = 1
    for event in 0..<5 { builder.addEvent(user: "ü", item: "i\(event % 3)", seconds: event, scene: "s\(event % 2)") }
    builder.addEvent(user: "v", item: "i0", seconds: 9)
    builder.addItem("i1", text: "title")
    _ = try builder.write(to: path)
  }

  private var shardFile: String { "\(path)/\(UserShard.fileName(0))" }

  /// Puts other values into a tensor of a file in place, keeping its size.
  private func overwrite<T: BitwiseCopyable>(_ file: String, _ tensor: String, at index: Int, _ value: T) throws {
    let range = try #require(try SafetensorsFile(path: file).tensors[tensor]?.byteRange)
    var data = try Data(contentsOf: URL(fileURLWithPath: file))
    let start = range.lowerBound + index * MemoryLayout<T>.stride
    withUnsafeBytes(of: value) { data.replaceSubrange(start..<start + MemoryLayout<T>.stride, with: $0) }
    try data.write(to: URL(fileURLWithPath: file))
  }

  /// Changes the manifest's text.
  private func editManifest(_ from: String, _ to: String) throws {
    let file = "\(path)/\(DatasetManifest.fileName)"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(text.contains(from))
    try text.replacingOccurrences(of: from, with: to).write(toFile: file, atomically: true, encoding: .utf8)
  }

  @Test func readsWhatWasBuilt() throws {
    let dataset = try Dataset(path: path + "/")
    #expect(dataset.path == path && dataset.shardCount == 1 && dataset.scenes == ["s0", "s1", "default"])
    #expect(dataset.items.count == 3 && (0..<3).map(dataset.items.text) == ["", "title", ""])
    #expect(Array(dataset.items.trainCounts) == [2, 1, 1])
    let shard = try dataset.shard(0)
    #expect(shard.userCount == 2 && shard.id(0) == "ü" && shard.find("v") == 1 && shard.find("w") == nil)
    let events = shard.events(0)
    #expect(Array(events.items) == [0, 1, 2, 0, 1] && Array(events.scenes) == [0, 1, 0, 1, 0])
    #expect(events.trainCount == 3 && events.validation == 3 && events.test == 4)
    let other = shard.events(1)
    #expect(other.trainCount == 1 && other.validation == nil && other.test == nil && Array(other.times) == [9_000_000])
    #expect(try dataset.shard(0) === shard)
  }

  @Test func emptyShardsAreFine() throws {
    var builder = DatasetBuilder()
    builder.options.virtualShards = 100
    builder.addEvent(user: "u", item: "i", seconds: 1)
    let dataset = try builder.write(to: folder.file("wide"))
    #expect(try (0..<100).reduce(0) { $0 + (try dataset.shard($1).userCount) } == 1)
  }

  @Test func refusesWhatIsNoDataSet() throws {
    #expect(throws: InputError("\(folder.path) is no data set (it has no manifest.json); make one with precise prepare")) {
      try Dataset(path: folder.path)
    }
    try editManifest("precise-dataset", "something-else")
    #expect(throws: InputError.self) { try Dataset(path: path) }
  }

  @Test(arguments: [
    ("\"version\" : 1", "\"version\" : 3", "layout version 3"),
    ("\"version\" : 1", "\"version\" : 2", "do not fit together"),
    ("\"items\" : 3,\n  \"preparation\"", "\"preparation\"", "items is missing"),
    ("\"users\" : 2\n", "\"users\" : \"two\"\n", "users: what stands there is not a whole number"),
    ("shard-00000", "../../etc/x", "do not fit together"),
    ("\"bytes\" : ", "\"bytes\" : 1", "checksum does not fit"), ("{\n  \"audit\"", "{{", "no data set's manifest"),
  ])
  func refusesADamagedManifest(from: String, to: String, reason: String) throws {
    try editManifest(from, to)
    let error = #expect(throws: InputError.self) { try Dataset(path: path) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("\"users\" : 2,\n", "\"users\" : 3,\n"), ("\"users\" : 2\n", "\"users\" : 1\n"), ("\"users\" : 2", "\"users\" : 7"),
    ("\"earliest_test_time\" : 4000000", "\"earliest_test_time\" : -9223372036854775808"),
  ])
  func refusesCountsThatDoNotFit(from: String, to: String) throws {
    try editManifest(from, to)
    let error = #expect(throws: InputError.self) { try Dataset(path: path) }
    #expect(error?.description.contains("do not fit together") == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("\"users\" : 2,\n", "\"users\" : 9223372036854775807,\n"), ("\"users\" : 2,\n", "\"users\" : -1,\n"),
    ("\"users\" : 2\n", "\"users\" : 9223372036854775807\n"), ("\"events\" : 6,", "\"events\" : 9223372036854775807,"),
    ("\"users\" : 2", "\"users\" : 4294967296"),
  ])
  func refusesCountsThatCannotBe(from: String, to: String) throws {
    try editManifest(from, to)
    let error = #expect(throws: InputError.self) { try Dataset(path: path) }
    #expect(error?.description.contains(" is not a whole number from ") == true, "\(error?.description ?? "")")
  }

  @Test func refusesAFileCutShort() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: shardFile))
    try data.dropLast().write(to: URL(fileURLWithPath: shardFile))
    #expect(
      throws: InputError("\(shardFile) has \(data.count - 1) bytes, the manifest says \(data.count); make the data set again")
    ) {
      try Dataset(path: path).shard(0)
    }
  }

  /// A rank needs no files but its own.
  @Test func opensShardsWhenTheyAreAskedFor() throws {
    try FileManager.default.removeItem(atPath: shardFile)
    let dataset = try Dataset(path: path)
    #expect(dataset.items.count > 0)
    #expect(throws: InputError.self) { try dataset.shard(0) }
  }

  @Test(arguments: [
    ("events.item", 3), ("events.item", -1), ("users.train_count", 6), ("users.train_count", -1), ("users.test", 5),
    ("users.test", 2), ("users.validation", 1), ("users.validation", -2), ("users.id_sorted", 2), ("users.id_sorted", -1),
  ])
  func refusesNumbersOutOfRange(tensor: String, value: Int32) throws {
    try overwrite(shardFile, tensor, at: 0, value)
    let dataset = try Dataset(path: path)
    #expect(throws: InputError.self) { try dataset.shard(0) }
    #expect(throws: InputError.self) { try dataset.verifyChecksums() }
  }

  @Test(arguments: [
    ("users.offsets", 1, 7), ("users.offsets", 0, 1), ("users.offsets", 1, -1), ("users.id_offsets", 1, 99),
    ("events.time", 4, 0),
  ])
  func refusesOffsetsAndTimesThatFall(tensor: String, index: Int, value: Int64) throws {
    try overwrite(shardFile, tensor, at: index, value)
    let dataset = try Dataset(path: path)
    #expect(throws: InputError.self) { try dataset.shard(0) }
  }

  @Test func refusesSceneAndItemNumbersOutOfRange() throws {
    try overwrite(shardFile, "events.scene", at: 0, UInt16(3))
    #expect(throws: InputError.self) { try Dataset(path: path).shard(0) }
    try overwrite("\(path)/\(ItemCatalogue.fileName)", "scenes", at: 0, UInt16(3))
    #expect(throws: InputError.self) { try Dataset(path: path) }
  }

  @Test func aFlippedByteIsFoundByVerify() throws {
    try overwrite(shardFile, "users.id_bytes", at: 0, UInt8(0x41))
    #expect(throws: InputError.self) { try Dataset(path: path).verifyChecksums() }
  }
}
