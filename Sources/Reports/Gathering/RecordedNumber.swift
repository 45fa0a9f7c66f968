package import Files

/// A number that stands in a file of a run, and where: what a page shows of it can be compared with the file.
package struct RecordedNumber: Sendable, Equatable {
  /// The number of the run on the page, from 0.
  package let run: Int
  /// The file, from the run's folder on.
  package let file: String
  /// The place in the file: a JSON pointer (RFC 6901); of a file of lines the first part is the line's number, from 0.
  package let pointer: String
  /// The number.
  package let value: Double
  /// The number in full.
  package let text: String

  /// Notes a number; nil for one that JSON cannot hold.
  package init?(run: Int, file: String, path: [String], value: JSONValue?) {
    guard let value, let number = value.number, number.isFinite else { return nil }
    (self.run, self.file, self.value) = (run, file, number)
    pointer = Self.pointer(path)
    text = value.line
  }

  /// Where a path of keys leads, as a JSON pointer.
  package static func pointer(_ path: [String]) -> String {
    path.map { part in
      "/"
        + part.unicodeScalars.reduce(into: "") { text, letter in
          switch letter {
          case "~": text += "~0"
          case "/": text += "~1"
          default: text.unicodeScalars.append(letter)
          }
        }
    }.joined()
  }

  /// The number with so many decimals.
  package func rounded(_ decimals: Int) -> String { HumanFormat.decimal(value, decimals) }

  /// A count with its separators; with decimals where it is not whole.
  package var count: String { Int(exactly: value).map(HumanFormat.count) ?? HumanFormat.rate(value) }
}
