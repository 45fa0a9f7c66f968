import Datasets
import Files

/// One CSV record with quoted fields, unquoted into memory of its own.
struct QuotedRecord {
  /// A record may not be longer than this (ours): an open quote would otherwise swallow the rest of the file.
  static let maximumBytes = 1 << 20

  private let text = ByteBuffer()
  private var ends: [Int] = []

  /// The number of fields.
  var count: Int { ends.count }

  /// The bytes of a field; valid until the next `read`.
  subscript(field: Int) -> UnsafeRawBufferPointer {
    text[(field == 0 ? 0 : ends[field - 1])..<ends[field]]
  }

  /// Reads a record that begins with `line`, taking further lines from `reader` while a quote is open.
  ///
  /// Returns what is wrong, if anything.
  mutating func read(_ line: UnsafeRawBufferPointer, _ reader: LineReader?, delimiter: UInt8, isQuoted: Bool = true) throws
    -> BadRow?
  {
    text.removeAll()
    ends.removeAll(keepingCapacity: true)
    var state = State.fieldStart
    take(line, &state, delimiter, isQuoted)
    var lines = 1
    while state == .inQuotes {
      guard text.count <= QuotedRecord.maximumBytes, let reader, let more = try reader.next() else {
        return BadRow(kind: .quoting, detail: "a quoted field is not closed within \(lines) lines", rows: lines)
      }
      lines += 1
      text.append(0x0A)
      take(more, &state, delimiter, isQuoted)
    }
    ends.append(text.count)
    return state == .broken ? BadRow(kind: .quoting, detail: "text after a closing quote", rows: lines) : nil
  }

  private enum State { case fieldStart, plain, inQuotes, quoteInQuotes, broken }

  private mutating func take(_ line: UnsafeRawBufferPointer, _ state: inout State, _ delimiter: UInt8, _ isQuoted: Bool) {
    for byte in line {
      switch state {
      case .fieldStart where byte == 0x22 && isQuoted: state = .inQuotes
      case .inQuotes where byte == 0x22: state = .quoteInQuotes
      case .quoteInQuotes where byte == 0x22:
        text.append(byte)
        state = .inQuotes
      case .inQuotes: text.append(byte)
      case .fieldStart where byte == delimiter, .plain where byte == delimiter, .quoteInQuotes where byte == delimiter:
        ends.append(text.count)
        state = .fieldStart
      case .quoteInQuotes, .broken: state = .broken
      case .fieldStart, .plain:
        text.append(byte)
        state = .plain
      }
    }
  }
}
