/// What can be wrong with an input row.
public enum BadRowKind: String, Codable, Sendable, CaseIterable {
  /// More or fewer fields than the header (or the format) has.
  case fieldCount = "wrong number of fields"
  /// A quoted field that does not end properly.
  case quoting = "broken quotes"
  /// A line that is no JSON object.
  case json = "broken JSON"
  /// A JSON row or cell without a value that every row must have.
  case missing = "missing value"
  /// An empty user or item id.
  case emptyID = "empty id"
  /// An id over 1 KiB.
  case longID = "id over 1024 bytes"
  /// An id that is not UTF-8.
  case encoding = "id not UTF-8"
  /// An id with a control character or a line separator.
  case control = "control character in id"
  /// A timestamp that is neither a number nor ISO 8601.
  case timestamp = "timestamp not a time"
  /// A timestamp outside the years -6000 to 9999.
  case timestampRange = "timestamp out of range"
  /// A MovieLens rating that is not 1 to 5.
  case rating = "rating not 1 to 5"

  /// Reads a kind's name from a manifest.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    // Versions that read numbers only called it so.
    let known = name == "timestamp not a number" ? BadRowKind.timestamp.rawValue : name
    guard let kind = BadRowKind(rawValue: known) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no kind of bad row")
    }
    self = kind
  }
}
