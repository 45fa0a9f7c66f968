import Files
import Foundation
import TestSupport
import Testing

@testable import Texts

/// One vector an item, from every sort of file.
struct ForeignVectorsTests {
  private let folder: TemporaryFolder
  private let items = ArrayItems(ids: ["a", "b", "c", "7"], texts: ["red", "", "x", "y"])
  /// Vectors of items 7, b, other and a.
  private let ids = ["7", "b", "other", "a"]
  private let rows: [[Float]] = [[1, 0.5, -2], [0, 0, 0], [9, 9, 9], [0.25, -1, 3]]

  init() throws { folder = try TemporaryFolder() }

  private func bytes(_ rows: [[Float]], _ type: ElementType) -> [UInt8] {
    let values = rows.flatMap { $0 }
    var bytes = [UInt8](repeating: 0, count: values.count * type.size)
    values.withUnsafeBufferPointer { type.encode($0, into: &bytes) }
    return bytes
  }

  private func numpy(_ rows: [[Float]], _ type: ElementType = .f32, _ name: String = "v.npy") throws -> String {
    let code = [ElementType.f16: "<f2", .f32: "<f4", .f64: "<f8"][type] ?? ""
    let header = "{'descr': '\(code)', 'fortran_order': False, 'shape': (\(rows.count), \(rows.first?.count ?? 3)), }"
    return try folder.write(
      name, Data(NumpyFile.magic + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + bytes(rows, type)))
  }

  private func safetensors(_ rows: [[Float]], tensor: String = "embeddings", metadata: [String: String] = [:]) throws -> String {
    let path = folder.file("v.safetensors")
    var writer = try SafetensorsWriter(
      path: path, tensors: [TensorSpec(tensor, .bf16, [rows.count, rows[0].count])], metadata: metadata)
    try writer.write(bytes(rows, .bf16))
    try writer.finish()
    return path
  }

  private func lines(_ rows: [String], _ name: String = "v.jsonl") throws -> String {
    try folder.write(name, rows.map { "\($0)\n" }.joined())
  }

  private func list(_ name: String, _ ids: [String]? = nil) throws {
    try folder.write(name, (ids ?? self.ids).map { "\($0)\n" }.joined())
  }

  private func open(_ path: String, ids: String? = nil, name: String? = nil) throws -> ForeignVectors {
    try ForeignVectors(path: path, ids: ids, items: items, name: name)
  }

  private func message(_ path: String, ids: String? = nil) throws -> String {
    let error = #expect(throws: InputError.self) { try open(path, ids: ids) }
    return error?.description ?? ""
  }

  private func vector(_ item: Int, _ source: ForeignVectors) -> [Float] {
    var states: [Float] = []
    source.appendStates(item, to: &states)
    #expect(states.count == source.tokenCount(item) * source.dimension)
    return states
  }

  /// Items a and 7 have a vector, b's is zeros, c has none, and the data set lacks "other".
  private func expectSound(_ source: ForeignVectors) {
    #expect([0, 1, 2, 3].map { vector($0, source) } == [[0.25, -1, 3], [], [], [1, 0.5, -2]])
    #expect(source.dimension == 3 && source.missingItems == 1 && source.unusedItems == 1 && source.zeroItems == 1)
    #expect(source.kind == .vectors)
  }

  @Test(arguments: [ElementType.f16, .f32, .f64])
  func arraysAreRead(type: ElementType) throws {
    let path = try numpy(rows, type)
    try list("v.npy.ids.txt")
    let source = try open(path)
    expectSound(source)
    #expect(source.type == (type == .f64 ? .f32 : type) && source.name == "vectors" && !source.isNamed)
    // A list of another name, and the encoder's.
    try list("mine.txt")
    let named = try open(path, ids: folder.file("mine.txt"), name: "text-embedding-3-small")
    expectSound(named)
    #expect(named.name == "text-embedding-3-small" && named.isNamed)
  }

  @Test(arguments: ["embeddings", "whatever"])
  func tensorsAreRead(tensor: String) throws {
    let path = try safetensors(rows, tensor: tensor, metadata: ["encoder": "some-api"])
    // As `precise export` names its lists.
    try list("items.txt")
    let source = try open(path)
    expectSound(source)
    #expect(source.name == "some-api" && source.isNamed && source.type == .bf16)
  }

  @Test func linesAreRead() throws {
    let text = [
      #"{"object": "embedding", "id": 7, "embedding": [1, 5e-1, -2.0], "usage": {"x": ["]}", 1, null]}}"#,
      #"{"vector":[0,0,0],"item":"b"}"#, "", #" { "embedding" : [9,9,9] , "id" : "oth\u0065r" } "#,
      #"{"item":"a","vector":[0.25,-1,3]}"#,
    ]
    expectSound(try open(try lines(text)))
    try folder.write("r.jsonl", text.joined(separator: "\r\n"))
    expectSound(try open(folder.file("r.jsonl")))
  }

  @Test(arguments: [
    ("[1]", ":1: an object"), (#"{"id":"a"}"#, ":1: there is no \"embedding\""),
    (#"{"embedding":[1]}"#, ":1: there is no \"id\""),
    (#"{"id":"a","embedding":"AAAA"}"#, "is no list of numbers"), (#"{"id":"a","embedding":[1,NaN]}"#, "NaN, infinity or null"),
    (#"{"id":"a","embedding":[1,-Infinity]}"#, "NaN, infinity or null"),
    (#"{"id":"a","embedding":[1,null]}"#, "NaN, infinity or null"),
    (#"{"id":"a","embedding":[1,1e99]}"#, "beyond float32"), (#"{"id":"a","embedding":[1,0x10]}"#, "broken number"),
    (#"{"id":"a","embedding":[1,--1]}"#, "broken number"), (#"{"id":"a","embedding":[1,"2"]}"#, "list of numbers"),
    (#"{"id":"a","embedding":[]}"#, "has no number"), (#"{"id":1.5,"embedding":[1]}"#, "neither a string nor a whole number"),
    (#"{"id":"a","embedding":[1"#, "list of numbers"), (#"{"id":"a","embedding":[1]} x"#, "text after the object"),
    (#"{"id":"a\ud800","embedding":[1]}"#, "broken escape"), (#"{"id":"a"#, "does not end"), (#"{"x":[[}"#, "value is wanted"),
    (#"{"x":"# + String(repeating: "[", count: 99), "nested too deeply"),
    (#"{"id":"a","embedding":[1,2]}"# + "\n" + #"{"id":"b","embedding":[1]}"#, ":2: the vector of item \"b\" has 1 numbers"),
    (#"{"id":"a","embedding":[1]}"# + "\n" + #"{"id":"a","embedding":[1]}"#, ":2: item \"a\" stands twice"),
    ("", "no vector in it"),
    (#"{"id":"q","embedding":[1]}"#, "a vector of none of the data set's items"),
  ])
  func damagedLinesAreOneSentence(text: String, reason: String) throws {
    let found = try message(try lines([text]))
    #expect(found.hasPrefix(folder.file("v.jsonl")) && found.contains(reason) && !found.contains("\n"), "\(found)")
  }

  /// Cut anywhere, a line is read or refused.
  @Test func noLineIsReadPastItsEnd() throws {
    let line = Array(#"{"k":{"a":[1,"\""]},"id":"\u0061","embedding":[1,2.5e1]}"#.utf8)
    for count in 1..<line.count {
      let path = try folder.write("c.jsonl", Data(line[..<count]))
      #expect(throws: InputError.self) { try open(path) }
    }
    #expect(try vector(0, open(folder.write("c.jsonl", Data(line)))) == [1, 25])
  }

  @Test func listsMustBeTheArrays() throws {
    let path = try numpy(rows)
    #expect(try message(path).contains("v.npy.ids.txt; or name the list with --ids"))
    try list("v.npy.ids.txt", ["a", "b"])
    #expect(try message(path).contains("has 2 ids, but"))
    try list("v.npy.ids.txt", ["a", "b", "x", "a"])
    #expect(try message(path).contains("v.npy.ids.txt:4: item \"a\" stands twice"))
    try list("v.npy.ids.txt", ["q", "r", "s", "t"])
    #expect(try message(path).contains("The data set's first is \"a\", the file's first is \"q\""))
    try list("v.npy.ids.txt", ["a", "", "s", "t"])
    #expect(try message(path).contains(":2: an item id in UTF-8 is wanted"))
    let tensors = try safetensors(rows, metadata: ["ids_crc32": "00000000"])
    try list("v.safetensors.ids.txt")
    #expect(try message(tensors).contains("was not written with the vectors"))
    #expect(try message(try lines([#"{"id":"a","embedding":[1]}"#]), ids: "x").contains("leave --ids out"))
  }

  @Test func vectorsMustBeFiniteAndATable() throws {
    try list("v.npy.ids.txt")
    for bad in [Float.nan, .infinity, -.infinity] {
      var rows = rows
      rows[3][1] = bad
      #expect(try message(try numpy(rows)).contains("the vector of item \"a\" has NaN, infinity"))
      // What the data set has no item for is none of its business.
      rows = self.rows
      rows[2][1] = bad
      expectSound(try open(try numpy(rows)))
    }
    try list("e.npy.ids.txt", [])
    #expect(try message(try numpy([], .f32, "e.npy")).contains("no vector in it"))
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
    let flat = try folder.write(
      "f.npy", Data(NumpyFile.magic + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + Array(repeating: 0, count: 8)))
    #expect(try message(flat).contains("has the extents [2]; one vector an item is wanted"))
  }

  @Test func otherFilesAreNamed() throws {
    let states = folder.file("s.safetensors")
    var writer = try SafetensorsWriter(
      path: states, tensors: [TensorSpec("offsets", .i64, [2]), TensorSpec("states", .f32, [1, 2])], metadata: [:])
    try writer.write([0, 1] as [Int64])
    try writer.write([1, 2] as [Float])
    try writer.finish()
    #expect(try message(states).contains("if it has token states, give it with --states"))
    let parquet = try folder.write("p.parquet", Data("PAR1\u{15}\0\0\0PAR1".utf8))
    // With Arrow's library it is damaged, without it the command that brings the library is named.
    let found = try message(parquet)
    #expect(found.contains("Parquet") && !found.contains("\n"))
    #expect(try message(folder.file("none")).contains("No such file"))
    #expect(try message(folder.path).contains("is a folder"))
    let array = try numpy(rows)
    let error = #expect(throws: InputError.self) { try ForeignStates(path: array, ids: nil, items: items, maxTokens: 4) }
    #expect(error?.description.contains("is a NumPy file; give vectors of items with --vectors") == true)
  }

  /// Stored as they are, a state an item, with a record that says so.
  @Test func theRecordSaysThatTheyAreVectors() throws {
    try list("v.npy.ids.txt")
    let source = try open(try numpy(rows), name: "some-api")
    let record = try TokenStatesWriter(folder: folder.path, itemTableChecksum: "0000abcd", tokens: 1, type: source.type)
      .write(source, items: items)
    #expect(record.kind == .vectors && record.encoder == "some-api" && record.tokens == 1 && record.itemsWithStates == 2)
    #expect(try EncodingRecord(folder: folder.path) == record)
    let states = try TokenStates(path: folder.file(TokenStates.fileName), items: 4)
    var values = [Float](repeating: 0, count: 3)
    values.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { states.copyStates(3, into: base) } }
    #expect(values == [1, 0.5, -2] && states.maxTokens == 1)
  }
}
