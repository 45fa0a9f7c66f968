package import Foundation

/// How the program writes its records as JSON, and reads them: the one place that decides how keys are spelled.
///
/// A Swift property `selectedBy` is the key `selected_by`, keys are sorted, slashes stand as they are. A reader takes the keys of earlier versions
/// too: `selectedBy`, and renamed keys, by the record's table `renamed`.
package enum RecordCoding {
  /// How a file is laid out.
  package enum Layout {
    /// A key a line, without a line end at the end.
    case indented
    /// All on one line.
    case line
  }

  /// The record as it stands in a file.
  package static func encode(_ record: some Encodable, layout: Layout = .indented) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if layout == .indented { encoder.outputFormatting.insert(.prettyPrinted) }
    return try encoder.encode(record)
  }

  /// Reads a record.
  ///
  /// - Parameter renamed: what properties are called now, by what earlier versions called them (`["isJudged": "isEvaluated"]`).
  /// - Throws: `DecodingError`, for `jsonDamage`.
  package static func decode<Record: Decodable>(
    _ type: Record.Type, from data: Data, renamed: [String: String] = [:]
  ) throws -> Record {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { path in
      guard let key = path.last, key.intValue == nil else { return path.last ?? PropertyKey("") }
      let name = propertyName(key.stringValue)
      return PropertyKey(renamed[name] ?? name)
    }
    return try decoder.decode(type, from: data)
  }

  /// The key of a property: `selectedBy` → `selected_by`.
  package static func key(of property: String) -> String {
    var key = ""
    for letter in property {
      if letter.isUppercase && !key.isEmpty { key += "_" }
      key += letter.lowercased()
    }
    return key
  }

  /// The property of a key: `selected_by` → `selectedBy`; a key without inner `_` is one already.
  private static func propertyName(_ key: String) -> String {
    let words = key.split(separator: "_")
    guard words.count > 1, !key.hasPrefix("_"), !key.hasSuffix("_") else { return key }
    return String(words[0]) + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  private struct PropertyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }
}
