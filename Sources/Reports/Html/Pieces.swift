import Files
import Pictures

/// A section of a report: what the table of contents says of it, and what stands in it.
package struct Section: Sendable {
  /// Its id in the page.
  package let id: String
  /// Its heading.
  package let title: String
  /// What stands below the heading.
  package let content: [Html]

  /// Describes a section.
  package init(id: String, title: String, content: [Html]) { (self.id, self.title, self.content) = (id, title, content) }

  /// The section with its heading.
  var html: Html {
    Html(
      .section, [.id(id), Html.Attribute("aria-labelledby", "\(id)-heading")],
      [
        Html(.h2, [.id("\(id)-heading")], text: title)
      ] + content)
  }
}

/// A table of a page, in a box that scrolls by itself where the page is narrow.
struct DataTable {
  /// A row.
  struct Row {
    /// What it is of.
    let head: Html
    /// A cell for each column but the first.
    let cells: [Cell]
    /// The class of what a page can hide; nil for none.
    var group: String?

    init(_ head: Html, _ cells: [Cell], group: String? = nil) { (self.head, self.cells, self.group) = (head, cells, group) }
  }

  /// A cell.
  struct Cell {
    fileprivate let content: [Html]
    fileprivate let isNumber: Bool

    /// A number that stands in a file; a dash for none.
    static func number(_ number: RecordedNumber?, decimals: Int) -> Cell {
      Cell(content: number.map { [Html.number($0, shown: $0.rounded(decimals))] } ?? [.text("–")], isNumber: true)
    }

    /// A count that stands in a file.
    static func count(_ number: RecordedNumber?) -> Cell {
      Cell(content: number.map { [Html.number($0, shown: $0.count)] } ?? [.text("–")], isNumber: true)
    }

    /// A number and its standard error.
    static func estimate(_ value: RecordedNumber?, _ error: RecordedNumber?, decimals: Int = 4) -> Cell {
      guard let value else { return Cell(content: [.text("–")], isNumber: true) }
      let shown = Html.number(value, shown: value.rounded(decimals))
      guard let error else { return Cell(content: [shown], isNumber: true) }
      let behind = Html(.span, [.style("error")], [.text(" ± "), Html.number(error, shown: error.rounded(decimals))])
      return Cell(content: [shown, behind], isNumber: true)
    }

    /// A number that was computed for the page.
    static func computed(_ text: String?) -> Cell { Cell(content: [.text(text ?? "–")], isNumber: true) }

    /// The same, made up.
    static func computed(_ content: Html) -> Cell { Cell(content: [content], isNumber: true) }

    /// Words.
    static func words(_ content: Html) -> Cell { Cell(content: [content], isNumber: false) }

    /// Words.
    static func text(_ text: String) -> Cell { words(.text(text)) }
  }

  /// What the table has, also for who cannot see it.
  let caption: String
  /// Of the columns, the first too.
  let heads: [Html]
  let rows: [Row]

  init(_ caption: String, heads: [String], rows: [Row]) { self.init(caption, heads: heads.map { .text($0) }, rows: rows) }

  init(_ caption: String, heads: [Html], rows: [Row]) { (self.caption, self.heads, self.rows) = (caption, heads, rows) }

  var html: Html {
    let isNumber = heads.indices.dropFirst().map { column in
      rows.contains { $0.cells.indices.contains(column - 1) && $0.cells[column - 1].isNumber }
    }
    let top = heads.enumerated().map { index, head in
      Html(.th, [Html.Attribute("scope", "col"), .style(index > 0 && isNumber[index - 1] ? "n" : "w")], [head])
    }
    let body = rows.map { row in
      Html(
        .tr, row.group.map { [.style($0)] } ?? [],
        [
          Html(.th, [Html.Attribute("scope", "row")], [row.head])
        ] + row.cells.map { Html(.td, [.style($0.isNumber ? "n" : "w")], $0.content) })
    }
    let table = Html(
      .table, [],
      [
        Html(.caption, [], [Html(.span, text: caption)]), Html(.thead, [], [Html(.tr, [], top)]), Html(.tbody, [], body),
      ])
    return Html(
      .div,
      [
        .style("scroll"), Html.Attribute("tabindex", "0"), Html.Attribute("role", "region"),
        Html.Attribute("aria-label", caption),
      ],
      [table])
  }
}

/// A picture of a page, with its name, its legend and its numbers.
struct Figure {
  /// An entry of the legend.
  struct Entry {
    let entry: Picture.Entry
    /// The class of what a page can hide; nil for none.
    var group: String?
    /// Whether it is drawn as a line.
    var isLine = false
  }

  /// The picture's id in the page.
  let id: String
  let title: String
  /// What is to be known of it; empty for nothing.
  var note = ""
  let picture: Picture
  var legend: [Entry] = []
  /// Its numbers, folded away; nothing where they stand elsewhere.
  var numbers: [Html] = []

  var html: Html {
    let caption = Html(
      .figcaption, [],
      [
        Html(.strong, text: title), note.isEmpty ? .nothing : Html(.span, [.style("note")], text: " " + note),
      ])
    return Html(
      .figure, [],
      [
        caption, .picture(picture, id: id), .legend(legend),
        numbers.isEmpty ? .nothing : .folded("Numbers", numbers),
      ])
  }
}

extension Html {
  /// A number that stands in a file: rounded to be read, in full and with its place for who compares.
  static func number(_ number: RecordedNumber, shown: String) -> Html {
    Html(
      .span,
      [
        Attribute("data-run", "\(number.run)"), Attribute("data-file", number.file), Attribute("data-path", number.pointer),
        Attribute("data-value", number.text),
      ], text: shown)
  }

  /// What is read by who asks for it.
  static func folded(_ summary: String, _ content: [Html]) -> Html {
    Html(.details, [], [Html(.summary, text: summary)] + content)
  }

  /// A paragraph.
  static func paragraph(_ text: String) -> Html { Html(.p, text: text) }

  /// A paragraph about what is not there, and what to do.
  static func missing(_ text: String) -> Html { Html(.p, [.style("missing")], text: text) }

  /// Pictures side by side, where there is room.
  static func grid(_ figures: [Html]) -> Html { Html(.div, [.style("grid")], figures) }

  /// What the pictures of a grid have in common; nothing of nothing.
  static func legend(_ entries: [Figure.Entry]) -> Html {
    let keys = entries.map { entry in
      Html(.li, entry.group.map { [.style($0)] } ?? [], [.swatch(entry.entry, hasLine: entry.isLine), .name(entry.entry.name)])
    }
    return keys.isEmpty ? .nothing : Html(.ul, [.style("legend")], keys)
  }

  /// A command to type.
  static func command(_ before: String, _ command: String, _ after: String) -> Html {
    Html(.p, [.style("missing")], [.text(before), Html(.code, text: command), .text(after)])
  }
}
