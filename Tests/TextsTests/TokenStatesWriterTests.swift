import Files
import Foundation
import TestSupport
import Testing

@testable import Texts

struct TokenStatesWriterTests {
  private let folder: TemporaryFolder
  private let items = ArrayItems(ids: ["a", "b", "c"], texts: ["red boat", "", "boat"])

  init() throws {
    folder = try TemporaryFolder()
  }

  private func writer(_ type: ElementType, tokens: Int = 16) -> TokenStatesWriter {
    TokenStatesWriter(folder: folder.path, itemTableChecksum: "0000abcd", tokens: tokens, type: type)
  }

  /// A states file as a language model's script leaves it, of rows 1, 2, 3 … [rows, 2].
  private func foreign(ids: [String], offsets: [Int64], _ type: ElementType = .f32, values: [Float]? = nil) throws -> String {
    let path = folder.file("llm.safetensors")
    let list = ids.map { "\($0)\n" }.joined()
    try folder.write("llm.safetensors.ids.txt", list)
    let values = values ?? (0..<Int(offsets.last ?? 0)).flatMap { [Float($0 + 1), 0.5] }
    var bytes = [UInt8](repeating: 0, count: values.count * type.size)
    values.withUnsafeBufferPointer { type.encode($0, into: &bytes) }
    let checksum = Array(list.utf8).withUnsafeBytes { hexadecimal(CRC32.of($0)) }
    var writer = try SafetensorsWriter(
      path: path, tensors: [TensorSpec("offsets", .i64, [offsets.count]), TensorSpec("states", type, [values.count / 2, 2])],
      metadata: ["encoder": "llm", "ids_crc32": checksum])
    try writer.write(offsets)
    try writer.write(bytes)
    try writer.finish()
    return path
  }

  private func states(_ item: Int) throws -> [Float] {
    let states = try TokenStates(path: folder.file(TokenStates.fileName), items: items.count)
    var values = [Float](repeating: 0, count: states.tokenCount(item) * states.dimension)
    values.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { states.copyStates(item, into: base) } }
    return values
  }

  /// Of version 0.1.0, in camelCase and with another word for the width.
  @Test func theRecordOfAnEarlierVersionIsRead() throws {
    let record = try EncodingRecord(folder: Fixtures.path("earlier/dataset"))
    #expect(record.width == 4 && record.itemsWithStates == 24 && record.itemTableChecksum == "9e44ec42")
    try record.write(folder: folder.path)
    #expect(try EncodingRecord(folder: folder.path) == record)
    let now = try String(contentsOfFile: folder.file(EncodingRecord.fileName), encoding: .utf8)
    for key in ["width", "items_with_states", "item_table_checksum", "file_checksum"] {
      #expect(now.contains("\"\(key)\" : "), "\(key)")
    }
  }

  @Test func writesHashedStatesAndTheirRecord() throws {
    let encoder = HashedEncoder(dimension: 8, maxTokens: 16)
    let record = try writer(.f32).write(HashedSource(items: items, encoder: encoder), items: items)
    var expected: [Float] = []
    encoder.encode("red boat", into: &expected)
    #expect(try states(0) == expected)
    #expect(try states(1) == [])
    #expect(try states(2) == Array(expected[8...]))
    #expect(try EncodingRecord(folder: folder.path) == record)
    let counts = [record.items, record.itemsWithStates, record.rows, record.width, record.tokens]
    #expect(counts == [3, 2, 3, 8, 16] as [Int])
    let file = try MappedFile(path: folder.file(TokenStates.fileName))
    #expect(record.fileChecksum == hexadecimal(CRC32.of(file.bytes)))
    #expect(try folder.names() == ["encode.json", "token_states.safetensors"])
  }

  @Test func takesForeignStatesInTheListsOrder() throws {
    let path = try foreign(ids: ["c", "x", "a"], offsets: [0, 3, 4, 5], .bf16)
    let source = try ForeignStates(path: path, ids: nil, items: items, maxTokens: 2)
    #expect(source.type == .bf16)
    let record = try writer(source.type, tokens: 2).write(source, items: items)
    #expect(try states(0) == [5, 0.5])
    #expect(try states(1) == [])
    #expect(try states(2) == [1, 0.5, 2, 0.5])
    #expect(source.missingItems == 1)
    #expect(source.unusedItems == 1)
    #expect(record.rows == 3)
    #expect(record.encoder == "llm")
    #expect(record.type == "BF16")
  }

  @Test func refusesListsThatDoNotFit() throws {
    let path = try foreign(ids: ["c", "x", "a"], offsets: [0, 3, 4, 5])
    for list in ["c\nx\n", "c\nx\na\nb\n", "c\n\na\n", "c\nc\na\n", "c\nx\nz\n", "c\n\u{0}\n"] {
      let ids = try folder.write("list", list)
      #expect(throws: InputError.self, "\(list)") { try ForeignStates(path: path, ids: ids, items: items, maxTokens: 2) }
    }
    let notText = try folder.write("list", Data([0x63, 0x0A, 0xFF, 0x0A, 0x61, 0x0A]))
    #expect(throws: InputError.self) { try ForeignStates(path: path, ids: notText, items: items, maxTokens: 2) }
    try folder.write("llm.safetensors.ids.txt", "a\nx\nc\n")
    #expect(throws: InputError.self) { try ForeignStates(path: path, ids: nil, items: items, maxTokens: 2) }
  }

  @Test func moreThanHalfMissingIsAnError() throws {
    let path = try foreign(ids: ["c"], offsets: [0, 1])
    let error = #expect(throws: InputError.self) { try ForeignStates(path: path, ids: nil, items: items, maxTokens: 2) }
    #expect(error?.description.contains("names only 1 of the data set's 3 items") == true)
  }

  @Test(
    arguments: [
      (.f32, .f32, .nan, "NaN or infinity"), (.f32, .f32, -.infinity, "NaN or infinity"),
      (.f16, .f32, .infinity, "NaN or infinity"),
      (.f32, .f16, 65_520, "too large for F16"), (.f32, .bf16, .greatestFiniteMagnitude, "too large for BF16"),
    ] as [(ElementType, ElementType, Float, String)])
  func refusesWhatIsNotFinite(stored: ElementType, target: ElementType, value: Float, reason: String) throws {
    let path = try foreign(ids: ["c", "a"], offsets: [0, 1, 2], stored, values: [1, 2, value, 4])
    let source = try ForeignStates(path: path, ids: nil, items: items, maxTokens: 2)
    let error = #expect(throws: InputError.self) { try writer(target).write(source, items: items) }
    #expect(error?.description.contains("item \"a\"") == true)
    #expect(error?.description.contains(reason) == true)
    #expect(!FileManager.default.fileExists(atPath: folder.file(TokenStates.fileName)))
  }

  @Test func keepsTheLargestNumbersOfEachType() throws {
    for (type, value) in [(.f16, 65_504), (.bf16, Float(bitPattern: 0x7F7F_0000))] as [(ElementType, Float)] {
      let path = try foreign(ids: ["c", "a"], offsets: [0, 1, 2], .f32, values: [1, 2, -value, 4])
      let source = try ForeignStates(path: path, ids: nil, items: items, maxTokens: 2)
      _ = try writer(type).write(source, items: items)
      #expect(try states(0) == [-value, 4])
    }
  }
}
