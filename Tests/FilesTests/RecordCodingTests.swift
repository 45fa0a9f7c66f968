import Files
import Foundation
import Testing

/// Keys of records: written in snake_case, read in the spelling of earlier versions too.
struct RecordCodingTests {
  private struct Record: Codable, Equatable {
    struct Part: Codable, Equatable {
      var width: Int
    }
    var selectedBy: String?
    var crc32: String
    var isWhole: Bool
    var parts: [Part]
  }

  private let record = Record(selectedBy: "mrr", crc32: "ab/c", isWhole: true, parts: [.init(width: 3)])

  private func decode(_ text: String) throws -> Record {
    try RecordCoding.decode(Record.self, from: Data(text.utf8), renamed: ["dimension": "width", "complete": "isWhole"])
  }

  @Test func keysAreSnakeCaseAndSorted() throws {
    let line = try String(decoding: RecordCoding.encode(record, layout: .line), as: UTF8.self)
    #expect(line == #"{"crc32":"ab/c","is_whole":true,"parts":[{"width":3}],"selected_by":"mrr"}"#)
    let indented = try String(decoding: RecordCoding.encode(record), as: UTF8.self)
    #expect(indented.hasPrefix("{\n  \"crc32\" : \"ab/c\",\n") && indented.hasSuffix("\n}"))
    #expect(try decode(line) == record && decode(indented) == record)
  }

  @Test(arguments: [
    #"{"crc32":"ab/c","isWhole":true,"parts":[{"dimension":3}],"selectedBy":"mrr"}"#,
    #"{"crc32":"ab/c","complete":true,"parts":[{"dimension":3}],"selected_by":"mrr","unknown_key":1}"#,
  ])
  func keysOfEarlierVersionsAreRead(_ text: String) throws {
    #expect(try decode(text) == record)
  }

  /// A message names the key as it stands in the file that this version writes.
  @Test func damageIsNamedByItsKey() throws {
    let error = #expect(throws: DecodingError.self) { try decode(#"{"crc32":"a","parts":[]}"#) }
    #expect(error.map { jsonDamage($0) } == "is_whole is missing")
    #expect(
      ["selectedBy", "crc32", "width", "rowNumbers"].map(RecordCoding.key) == ["selected_by", "crc32", "width", "row_numbers"])
  }
}
