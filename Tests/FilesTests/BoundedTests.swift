import Foundation
import Testing

@testable import Files

/// Integers of JSON files, held against their bounds where they are decoded.
struct BoundedTests {
  private struct Record: Codable, Equatable {
    struct Part: Codable, Equatable {
      @Bounded<ExtentBounds> var width: Int
    }
    @Bounded<CountBounds> var events = 0
    var parts: [Part] = []
  }

  private func decode(_ text: String) throws -> Record { try JSONDecoder().decode(Record.self, from: Data(text.utf8)) }

  @Test func theFileHasAPlainInteger() throws {
    let record = Record(events: 3, parts: [.init(width: 65_536)])
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(record), as: UTF8.self)
    #expect(text == #"{"events":3,"parts":[{"width":65536}]}"#)
    #expect(try decode(text) == record)
  }

  @Test(arguments: ["1099511627776", "4611686018427387904", "-1", "1e300", "65537", "0.5", "\"3\"", "null"])
  func whatItCannotBeIsDamage(number: String) {
    let error = #expect(throws: DecodingError.self) { try decode(#"{"events": 1, "parts": [{"width": \#(number)}]}"#) }
    #expect(error.map { jsonDamage($0) }?.contains("parts.0.width") == true, "\(number): \(error.map { jsonDamage($0) } ?? "")")
  }

  @Test func damageIsNamedByKey() {
    func sentence(_ text: String) -> String {
      do {
        return "\(try decode(text))"
      } catch {
        return jsonDamage(error)
      }
    }
    #expect(
      sentence(#"{"events": 17592186044417, "parts": []}"#)
        == "events: 17592186044417 is not a whole number from 0 to 17592186044416")
    #expect(sentence(#"{"parts": []}"#) == "events is missing")
    #expect(sentence(#"{"events": 1, "parts": 2}"#) == "a wrong value at parts")
    #expect(sentence("{") == "not valid JSON")
  }
}
