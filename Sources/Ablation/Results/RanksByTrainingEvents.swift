import Files
import Reporting

/// How many users of a setting found their held-out item, by how often that item was trained on.
///
/// Made of what `precise evaluate --per-user` writes, a line a user: small enough to be kept in a record, and any cut into groups of
/// popularity can be made of it later. Ours.
package struct RanksByTrainingEvents: Sendable, Equatable {
  /// The users whose held-out item has one number of training events.
  package struct Row: Sendable, Equatable {
    /// The item's training events.
    package let events: Int
    /// The users.
    package var users = 0
    /// Those of them whose item is among the first ten.
    package var found = 0

    /// Describes users.
    package init(events: Int, users: Int = 0, found: Int = 0) { (self.events, self.users, self.found) = (events, users, found) }
  }

  /// By phase, then split, then what ranked: "model" or a baseline's name.
  package typealias File = [String: [String: [String: RanksByTrainingEvents]]]

  /// The place up to which an item counts as found.
  package static let cutoff = 10
  private static let columns = ["phase", "split", "ranked_by", "rank", "train_events"]

  /// By training events, rising.
  package let rows: [Row]
  /// No data set has more users: sums of what a file claims stay far from overflow.
  private static let most = 1 << 31

  /// Takes rows in any order; there must not be two of the same number of events.
  package init(_ rows: [Row]) { self.rows = rows.sorted { $0.events < $1.events } }

  /// Adds up a file of `precise evaluate --per-user`.
  ///
  /// Throws `InputError`, with the line, when it is no such file.
  package static func read(path: String) throws -> File {
    let file = try MappedFile(path: path)
    return try file.withBytes { bytes in
      var records = CSVRecords(bytes)
      let header = try records.next().map { try $0.map { try records.text($0, path) } } ?? []
      let indices = try columns.map { name -> Int in
        guard let index = header.firstIndex(of: name) else {
          throw InputError("\(path):1: has no column \(name); is it of precise evaluate --per-user?")
        }
        return index
      }
      var tallies: [[String]: [Int: Row]] = [:]
      while let fields = try records.next() {
        guard fields.count == header.count else {
          throw InputError("\(path):\(records.line): has \(fields.count) fields, the header has \(header.count)")
        }
        let texts = try indices.map { try records.text(fields[$0], path) }
        guard let rank = Int(texts[3]), let events = Int(texts[4]), rank > 0, events >= 0 else {
          throw InputError("\(path):\(records.line): rank and train_events must be whole numbers")
        }
        var row = tallies[Array(texts[..<3])]?[events] ?? Row(events: events)
        row.users += 1
        row.found += rank <= cutoff ? 1 : 0
        tallies[Array(texts[..<3]), default: [:]][events] = row
      }
      return tallies.reduce(into: File()) { file, tally in
        file[tally.key[0], default: [:]][tally.key[1], default: [:]][tally.key[2]] = .init(Array(tally.value.values))
      }
    }
  }

  /// Reads what `json` gives; nil when it is something else.
  init?(_ value: JSONValue) {
    guard case .array(let list) = value else { return nil }
    var rows: [Int: Row] = [:]
    for element in list {
      guard case .array(let numbers) = element, numbers.count == 3, case .int(let events) = numbers[0],
        case .int(let users) = numbers[1], case .int(let found) = numbers[2], events >= 0, rows[events] == nil,
        (0...Self.most).contains(users), (0...users).contains(found)
      else { return nil }
      rows[events] = Row(events: events, users: users, found: found)
    }
    self.init(Array(rows.values))
  }

  /// A list of events, users and found, for each number of events.
  var json: JSONValue { .array(rows.map { [.int($0.events), .int($0.users), .int($0.found)] }) }
}

/// The records of a CSV text (RFC 4180), each as the places of its fields.
private struct CSVRecords {
  /// The line, from 1, on which the record that `next` gave last begins.
  private(set) var line = 0

  private let bytes: UnsafeRawBufferPointer
  private var index = 0
  private var lines = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next record; nil after the last.
  mutating func next() throws -> [Range<Int>]? {
    guard index < bytes.count else { return nil }
    line = lines + 1
    var (fields, start, isQuoted) = ([Range<Int>](), index, false)
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\n") { lines += 1 }
      // A quote in a quoted field stands there twice, so that every quote turns the state over.
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      guard !isQuoted, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") else { continue }
      fields.append(start..<index - 1)
      start = index
      if byte == UInt8(ascii: "\n") { return fields }
    }
    return fields + [start..<index]
  }

  /// A field as text; fields with quotes are as they stand, and no column that is read has any but the phase's name.
  func text(_ field: Range<Int>, _ path: String) throws -> String {
    let text = String(decoding: bytes[field], as: UTF8.self)
    guard text.utf8.first == UInt8(ascii: "\"") else { return text }
    guard text.utf8.count > 1, text.utf8.last == UInt8(ascii: "\"") else {
      throw InputError("\(path):\(line): a quoted field is not closed")
    }
    return String(text.dropFirst().dropLast()).replacing("\"\"", with: "\"")
  }
}
