import Datasets
import Files
import Foundation
import Preparation
import TestSupport
import Testing

@testable import Texts

/// Token states of a prepared data set: found, current, or refused.
struct TokenStatesDatasetTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Prepares a data set of two users and as many items, the second with the title given.
  private func dataset(title: String, itemKey: ItemKey = .item) throws -> Dataset {
    var events = "user,item,scene,timestamp\n"
    for user in ["u", "v"] {
      for time in 1...6 { events += "\(user),\(time % 2 == 0 ? "a" : "b"),\(time < 4 ? "feed" : "shop"),\(time)\n" }
    }
    var options = PreparationOptions()
    options.interactions = [try folder.write("events.csv", events)]
    let items = ["feed", "shop"].map { "a,\($0),red boat\nb,\($0),\(title)\n" }.joined()
    options.items = [try folder.write("items.csv", "item,scene,text\n\(items)")]
    (options.output, options.overwrite, options.virtualShards, options.itemKey) = (folder.file("dataset"), true, 2, itemKey)
    (options.minimumUserEvents, options.minimumItemEvents) = (1, 1)
    _ = try Preparation(options).run()
    return try Dataset(path: options.output)
  }

  private func encode(_ dataset: Dataset) throws {
    let items = DatasetItems(dataset)
    let writer = TokenStatesWriter(folder: dataset.path, itemTableChecksum: items.checksum, tokens: 4, type: .f16)
    let encoder = HashedEncoder(dimension: 4, maxTokens: 4)
    _ = try writer.write(HashedSource(items: items, encoder: encoder), items: items)
  }

  @Test func opensCurrentStates() throws {
    let dataset = try dataset(title: "blue")
    #expect(!TokenStates.exist(in: dataset))
    #expect(throws: InputError.self) { try TokenStates(dataset: dataset) }
    try encode(dataset)
    #expect(TokenStates.exist(in: dataset))
    let states = try TokenStates(dataset: dataset)
    let counts = ["a", "b"].compactMap { dataset.items.index(of: $0) }.map(states.tokenCount)
    #expect(counts == [2, 1])
  }

  @Test func refusesStatesOfOtherItems() throws {
    try encode(try dataset(title: "blue"))
    let record = try Data(contentsOf: URL(fileURLWithPath: folder.file("dataset/encode.json")))
    let states = try Data(contentsOf: URL(fileURLWithPath: folder.file("dataset/token_states.safetensors")))
    let later = try dataset(title: "stone")
    try folder.write("dataset/encode.json", record)
    try folder.write("dataset/token_states.safetensors", states)
    let error = #expect(throws: InputError.self) { try TokenStates(dataset: later) }
    #expect(error?.description.contains("other items") == true)
    // A new record beside old states, as when an encoding is stopped between the two files.
    try encode(later)
    try folder.write("dataset/token_states.safetensors", states)
    #expect(throws: InputError.self) { try TokenStates(dataset: later) }
  }

  @Test func verifyingFindsADamagedState() throws {
    let dataset = try dataset(title: "blue")
    try encode(dataset)
    try TokenStates.verify(in: dataset)
    let file = URL(fileURLWithPath: folder.file("dataset/token_states.safetensors"))
    var states = try Data(contentsOf: file)
    states[states.count - 1] ^= 1
    try states.write(to: file)
    _ = try TokenStates(dataset: dataset)
    #expect(throws: InputError.self) { try TokenStates.verify(in: dataset) }
    // Without its record nothing says what the states are.
    try FileManager.default.removeItem(atPath: folder.file("dataset/encode.json"))
    let error = #expect(throws: InputError.self) { try TokenStates.verify(in: dataset) }
    #expect(error?.description.contains("precise encode") == true)
  }

  @Test func refusesADamagedRecord() throws {
    let dataset = try dataset(title: "blue")
    try encode(dataset)
    try folder.write("dataset/encode.json", "{}")
    #expect(throws: InputError.self) { try TokenStates(dataset: dataset) }
  }

  @Test func anIdNamesTheItemOfEveryScene() throws {
    let items = DatasetItems(try dataset(title: "blue", itemKey: .itemScene))
    #expect(items.count == 4)
    #expect(Set(items.items(named: "a").map(items.id)) == ["a@feed", "a@shop"])
    #expect(items.items(named: "b@shop").map(items.id) == ["b@shop"])
    #expect(items.items(named: "c").isEmpty)
    #expect(DatasetItems(try dataset(title: "blue")).items(named: "a@feed").isEmpty)
  }
}
