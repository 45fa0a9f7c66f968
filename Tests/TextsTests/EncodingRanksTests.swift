import Collectives
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Texts

/// Encoding on ranks: what one rank writes, byte for byte, and what is said of wrong input.
struct EncodingRanksTests {
  private static let ranks = [1, 2, 3, 5]
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Texts of very different lengths, some without a word; more than a block of text vectors for each of two ranks.
  private static let many = (0..<2600).map { item in
    item % 9 == 4 ? " ?! " : (0..<(item * item) % 23).map { "w\((item * 7 + $0 * $0) % 211)" }.joined(separator: " ")
  }

  private func items(_ texts: [String]) -> ArrayItems { ArrayItems(ids: texts.indices.map { "i\($0)" }, texts: texts) }

  /// Numbers that differ in every place.
  private func values(_ count: Int) -> [Float] { RandomValues.floats(count, seed: 3) }

  /// States of one to three tokens for all items but each fifth, in another order; `damaged` have a NaN.
  private func states(_ count: Int, width: Int = 24, damaged: Set<Int> = []) throws -> String {
    let listed = (0..<count).reversed().filter { $0 % 5 != 3 }
    let offsets = listed.reduce(into: [Int64(0)]) { $0.append(($0.last ?? 0) + Int64(1 + $1 % 3)) }
    var values = values(Int(offsets.last ?? 0) * width)
    for (row, item) in listed.enumerated() where damaged.contains(item) { values[Int(offsets[row]) * width + 1] = .nan }
    let path = folder.file("llm.safetensors")
    try folder.write("llm.safetensors.ids.txt", listed.map { "i\($0)\n" }.joined())
    var writer = try SafetensorsWriter(
      path: path,
      tensors: [TensorSpec("offsets", .i64, [offsets.count]), TensorSpec("states", .f32, [values.count / width, width])],
      metadata: ["encoder": "llm"])
    try writer.write(offsets)
    try writer.write(values)
    try writer.finish()
    return path
  }

  /// Vectors of all items but each seventh, in another order; each eleventh is zeros, `damaged` have a NaN.
  private func vectors(_ count: Int, width: Int = 20, damaged: Set<Int> = []) throws -> String {
    let listed = (0..<count).reversed().filter { $0 % 7 != 2 }
    var values = values(listed.count * width)
    for (row, item) in listed.enumerated() {
      if item % 11 == 5 { for column in 0..<width { values[row * width + column] = 0 } }
      if damaged.contains(item) { values[row * width + 3] = .infinity }
    }
    let path = folder.file("api.safetensors")
    try folder.write("api.safetensors.ids.txt", listed.map { "i\($0)\n" }.joined())
    var writer = try SafetensorsWriter(path: path, tensors: [TensorSpec("embeddings", .f32, [listed.count, width])])
    try writer.write(values)
    try writer.finish()
    return path
  }

  /// Encodes on so many ranks; the bytes of the three files, and what the record says.
  private func encode(
    _ items: ArrayItems, ranks: Int, tokens: Int, type: ElementType = .f16,
    _ source: @escaping @Sendable (any Communicator) throws -> any TokenSource
  ) throws -> (files: [String: Data], record: EncodingRecord?) {
    let path = folder.file("ranks-\(ranks)")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let records = Mutex<[EncodingRecord]>([])
    try RankThreads.run(ranks: ranks) { communicator in
      let writer = TokenStatesWriter(folder: path, itemTableChecksum: "0000abcd", tokens: tokens, type: type)
      let record = try writer.write(try source(communicator), items: items, on: communicator) { done in
        #expect((0...items.count).contains(done))
      } beforeRecord: { record in
        let states = try TokenStates(path: "\(path)/\(TokenStates.fileName)", items: items.count)
        try TextVectors.write(
          folder: path, items: items, itemTableChecksum: "0000abcd", record: record, states: states, on: communicator)
      }
      records.withLock { $0.append(record) }
    }
    let all = records.withLock { $0 }
    #expect(all.count == ranks && all.allSatisfy { $0 == all[0] })
    let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    #expect(names == [EncodingRecord.fileName, TextVectors.fileName, TokenStates.fileName])
    let files = try names.map { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)")) }
    let states = try #require(files.last)
    #expect(all[0].fileChecksum == states.withUnsafeBytes { hexadecimal(CRC32.of($0)) })
    return (Dictionary(uniqueKeysWithValues: zip(names, files)), all.first)
  }

  /// The same on all numbers of ranks, and sound.
  private func expectTheSame(
    _ items: ArrayItems, tokens: Int, type: ElementType = .f16,
    _ source: @escaping @Sendable (any Communicator) throws -> any TokenSource
  ) throws {
    let one = try encode(items, ranks: 1, tokens: tokens, type: type, source)
    for ranks in Self.ranks.dropFirst() {
      let others = try encode(items, ranks: ranks, tokens: tokens, type: type, source)
      for (name, bytes) in one.files { #expect(others.files[name] == bytes, "\(name) of \(ranks) ranks") }
      #expect(others.record == one.record)
    }
  }

  /// Many items, fewer than ranks, one, none, and items without any text.
  @Test(arguments: [many, ["red boat", "", "boat", "a=b"], ["red"], [], ["", "", " "]])
  func hashedStatesHaveTheSameBytes(texts: [String]) throws {
    let items = items(texts)
    let source = HashedSource(items: items, encoder: HashedEncoder(dimension: 12, maxTokens: 6))
    try expectTheSame(items, tokens: 6) { _ in source }
  }

  @Test(arguments: [2600, 4, 2])
  func aLanguageModelsStatesHaveTheSameBytes(count: Int) throws {
    let items = items(Array(Self.many[..<count]))
    let source = try ForeignStates(path: try states(count), ids: nil, items: items, maxTokens: 2)
    try expectTheSame(items, tokens: 2, type: .f32) { _ in source }
  }

  @Test(arguments: [2600, 4, 1])
  func vectorsHaveTheSameBytes(count: Int) throws {
    let items = items(Array(Self.many[..<count]))
    let opened = try ForeignVectors(unchecked: try vectors(count), ids: nil, items: items, name: "api")
    try expectTheSame(items, tokens: 1) { try opened.checked(items, on: $0) }
    let one = try ForeignVectors(path: opened.path, ids: nil, items: items, name: nil)
    #expect(one.zeroItems == (0..<count).count { $0 % 7 != 2 && $0 % 11 == 5 })
  }

  /// The bytes that earlier versions wrote, before there were ranks.
  @Test func theBytesAreThoseOfEarlierVersions() throws {
    let items = items(["red boat", "", "boat of wood\u{1F}category=Shoes", "Übung, Δέλτα 漢字"])
    let record = try encode(items, ranks: 3, tokens: 4, type: .bf16) { _ in
      HashedSource(items: items, encoder: HashedEncoder(dimension: 8, maxTokens: 4))
    }.record
    #expect(record?.fileChecksum == "a7d169b3" && record?.rows == 10 && record?.itemsWithStates == 3)
  }

  /// Two items with numbers that are none, which different ranks find: the first of the data set is named, whoever is faster.
  @Test(arguments: ranks) func theFirstItemThatIsWrongIsNamed(ranks: Int) throws {
    let items = items(Self.many)
    let source = try ForeignStates(path: try states(2600, damaged: [2590, 7, 1400]), ids: nil, items: items, maxTokens: 2)
    let opened = try ForeignVectors(
      unchecked: try vectors(2600, damaged: [2590, 8, 1400]), ids: nil, items: items, name: nil)
    let sources: [(String, @Sendable (any Communicator) throws -> any TokenSource)] = [
      ("i7", { _ in source }), ("i8", { try opened.checked(items, on: $0) }), ("i9", { _ in LateSource() }),
    ]
    for (item, source) in sources {
      let error = #expect(throws: (any Error).self) { try encode(items, ranks: ranks, tokens: 2, source) }
      let cause = (error as? RankFailure)?.cause ?? error
      #expect((cause as? InputError)?.description.contains("item \"\(item)\" ha") == true, "\(String(describing: error))")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("ranks-\(ranks)")).isEmpty)
    }
  }

  /// Item 9's states have a NaN, which is found late, and so has every item's from 300 on, which is found at once.
  private struct LateSource: TokenSource {
    let dimension = 2
    let name = "late"
    func tokenCount(_ item: Int) -> Int { 1 }
    func appendStates(_ item: Int, to states: inout [Float]) {
      if item == 9 { Thread.sleep(forTimeInterval: 0.2) }
      states += [item == 9 || item >= 300 ? .nan : 1, 0]
    }
  }

  /// What only rank 0 meets, all ranks end with.
  @Test func aFileThatCannotBeMadeEndsAllRanks() throws {
    let (path, thrown) = (folder.file("none/x"), Thrown())
    #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: 3) { communicator in
        do {
          _ = try SharedTensors(path: path, tensors: [TensorSpec("a", .u8, [3])], metadata: [:], on: communicator)
        } catch {
          thrown.errors.withLock { $0.append("\(error)") }
          throw error
        }
      }
    }
    let errors = thrown.errors.withLock { $0 }
    #expect(errors.count == 3 && errors.allSatisfy { $0.hasPrefix("cannot create \(path): ") && $0.contains("(rank 0 on ") })
  }

  private final class Thrown: Sendable {
    let errors = Mutex<[String]>([])
  }

  /// Items without a text are work too: where no item has one, each rank has as many.
  @Test func itemsWithoutATextAreShared() throws {
    let shares = Mutex<[Int: Range<Int>]>([:])
    try RankThreads.run(ranks: 3) { communicator in
      let own = ItemShares.own(communicator, count: 9) { _ in 0 }
      shares.withLock { $0[communicator.rank] = own }
    }
    #expect(shares.withLock { $0 } == [0: 0..<3, 1: 3..<6, 2: 6..<9])
  }
}
