import Files

/// Rows in aligned columns, for people: numbers to the right, words to the left, two spaces between.
///
/// ```
/// phase      recall@10  ndcg@10
/// universal     0.2941   0.1672
/// ```
package struct TextTable: Sendable {
  /// Where a column's cells stand.
  package enum Alignment: Sendable {
    /// Words.
    case left
    /// Numbers.
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]]

  /// A table with a heading.
  package init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.title)]
  }

  /// The same with its rows.
  package init(_ columns: [(title: String, alignment: Alignment)], rows: [[String]]) {
    self.init(columns)
    for row in rows { append(row) }
  }

  /// Adds a row, a cell for each column; control characters are made visible.
  package mutating func append(_ cells: [String]) {
    precondition(cells.count == alignments.count, "row of \(cells.count) cells in a table of \(alignments.count) columns")
    rows.append(cells.map(printable))
  }

  /// The lines, without spaces at their ends.
  package var lines: [String] {
    let widths = alignments.indices.map { column in rows.map { TextTable.width($0[column]) }.max() ?? 0 }
    return rows.map { row in
      let cells = row.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - TextTable.width(row[column]))
        return alignments[column] == .left ? row[column] + space : space + row[column]
      }
      let line = cells.joined(separator: "  ")
      return String(line[..<(line.lastIndex { $0 != " " }.map { line.index(after: $0) } ?? line.startIndex)])
    }
  }

  /// A text of one or more lines, each broken at spaces where it is too long; a word that does not fit alone is left to the terminal.
  static func wrapped(_ text: String, columns: Int, indent: Int) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard width(String(line)) > columns, columns > 2 * indent + 10 else { return String(line) }
      var lines = [""]
      for word in line.split(separator: " ", omittingEmptySubsequences: false) {
        let last = lines[lines.count - 1]
        let isFirst = last.allSatisfy { $0 == " " } && lines.count > 1
        if isFirst || last.isEmpty {
          lines[lines.count - 1] += word
        } else if width(last) + 1 + width(String(word)) <= columns {
          lines[lines.count - 1] += " " + word
        } else {
          lines.append(String(repeating: " ", count: indent) + word)
        }
      }
      return lines.joined(separator: "\n")
    }.joined(separator: "\n")
  }

  /// Columns that a terminal gives a text: two for the wide letters of East Asia and emoji.
  package static func width(_ text: String) -> Int {
    text.reduce(0) { sum, letter in
      switch letter.unicodeScalars.first?.value ?? 0 {
      case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
        0x1F300...0x1FAFF,
        0x20000...0x3FFFD:
        sum + 2
      default: sum + 1
      }
    }
  }
}
