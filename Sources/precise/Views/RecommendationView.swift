import Datasets
import Files
import Reporting
import Runs
import Serving

/// Recommendations as a person and as a program reads them.
struct RecommendationView {
  let dataset: Dataset
  let phase: String
  /// What the rows of recommendations are.
  let items: ServedItems
  /// Letters of a title that a table shows.
  private static let titleLetters = 36
  /// The same beside a long row.
  private static let shortTitleLetters = 24

  init(_ recommender: Recommender) {
    dataset = recommender.served.dataset
    phase = recommender.served.plan.name
    items = recommender.items
  }

  /// What one user is shown: the events that are known, and what is recommended, and why where that was asked.
  struct Entry {
    let user: String
    let events: UserEvents
    let found: Recommender.List
    let why: [Explanation]
    /// How many of the newest events are shown.
    let newest: Int
  }

  // MARK: A table

  /// The user's newest events, newest first, beside what is recommended, and why where that was asked.
  ///
  /// - Parameter columns: of the terminal; where both do not fit beside each other, one stands below the other.
  func table(_ entry: Entry, columns: Int = StandardOutput.columns ?? .max) -> [String] {
    var heading = ["user \(printable(entry.user)): \(HumanFormat.count(entry.events.count, "event")), phase \(phase)"]
    if entry.found.seenLeftOut > 0 {
      heading.append(
        "left out: \(HumanFormat.count(entry.found.seenLeftOut, "item")) that the user had (--no-exclude-seen keeps them)")
    }
    let (left, right) = (history(entry.events, newest: entry.newest), recommended(entry))
    let beside = TextTable(
      left.columns + [("", .left)] + right.columns,
      rows: (0..<max(left.rows.count, right.rows.count)).map {
        left.row($0) + ["|"] + right.row($0)
      })
    guard beside.lines.contains(where: { TextTable.width($0) > columns }) else { return heading + beside.lines }
    return heading + left.table.lines + [""] + right.table.lines
  }

  /// Columns with their cells.
  private struct Part {
    let columns: [(title: String, alignment: TextTable.Alignment)]
    let rows: [[String]]

    var table: TextTable { TextTable(columns, rows: rows) }

    /// Cells of a row; empty ones behind the last.
    func row(_ index: Int) -> [String] { rows.indices.contains(index) ? rows[index] : columns.map { _ in "" } }
  }

  private func history(_ events: UserEvents, newest: Int) -> Part {
    Part(
      columns: [("newest events", .left), ("scene", .left), ("behavior", .left), ("before", .right)],
      rows: events.items.indices.reversed().prefix(newest).map { cells(events, $0) })
  }

  private func recommended(_ entry: Entry) -> Part {
    let reasons = reasons(entry.why, entry.events)
    let found = entry.found.items
    // A column that is empty all the way says nothing.
    let marks = found.map { $0.isSeen ? "had" : items.isAdded($0.item) ? "new" : "" }
    let hasMarks = marks.contains { !$0.isEmpty }
    return Part(
      columns: [("rank", .right), ("item", .left), ("recommended", .left), ("score", .right)]
        + (hasMarks ? [("", .left)] : []) + [("scene", .left)] + reasons.columns,
      rows: found.indices.map { index in
        let item = found[index].item
        return ["\(index + 1)", items.id(item), title(item), HumanFormat.decimal(Double(found[index].score), 4)]
          + (hasMarks ? [marks[index]] : []) + [scenes(item)] + (reasons.rows.isEmpty ? [] : reasons.rows[index])
      })
  }

  /// The parts of each score that the model has, and the event that the item is most like; no column when nothing was explained.
  private func reasons(
    _ why: [Explanation], _ events: UserEvents
  ) -> (columns: [(title: String, alignment: TextTable.Alignment)], rows: [[String]]) {
    guard let first = why.first else { return ([], []) }
    let parts = [("model", true), ("text", first.text != nil), ("newest", first.newest != nil)].filter(\.1).map {
      ($0.0, TextTable.Alignment.right)
    }
    let rows = why.map { entry in
      [entry.model, entry.text, entry.newest].compactMap { $0 }.map { HumanFormat.decimal(Double($0), 4) }
        + (entry.mostLike.map {
          [title(Int(events.items[$0.index]), letters: Self.shortTitleLetters), HumanFormat.decimal(Double($0.value), 2)]
        } ?? ["-", ""])
    }
    return (parts + [("most like", .left), ("cosine", .right)], rows)
  }

  /// The items most like an item.
  func table(item: Int, _ found: Recommender.List) -> [String] {
    var table = TextTable([("rank", .right), ("item", .left), ("title", .left), ("cosine", .right), ("scene", .left)])
    for (index, entry) in found.items.enumerated() {
      table.append([
        "\(index + 1)", items.id(entry.item), title(entry.item), HumanFormat.decimal(Double(entry.score), 4),
        scenes(entry.item),
      ])
    }
    let heading = printable("most like \(items.id(item)) \(title(item)) (\(scenes(item))), phase \(phase)")
    return [heading] + table.lines
  }

  private func cells(_ events: UserEvents, _ event: Int) -> [String] {
    let newest = events.times[events.count - 1]
    return [
      title(Int(events.items[event])), dataset.scenes[Int(events.scenes[event])], dataset.behaviors[Int(events.behaviors[event])],
      Self.span(microseconds: newest - events.times[event]),
    ]
  }

  /// The item's text, cut; its id when it has none.
  private func title(_ item: Int, letters: Int = titleLetters) -> String {
    let text = items.text(item)
    guard !text.isEmpty else { return items.id(item) }
    return text.count > letters ? text.prefix(letters - 1) + "…" : text
  }

  private func scenes(_ item: Int) -> String {
    items.sceneNames(item).joined(separator: ", ")
  }

  /// "0 s", "5 min", "3 h", "12 d": the largest unit that fits.
  static func span(microseconds: Int64) -> String {
    let seconds = microseconds / 1_000_000
    switch seconds {
    case ..<60: return "\(seconds) s"
    case ..<3_600: return "\(seconds / 60) min"
    case ..<86_400: return "\(seconds / 3_600) h"
    default: return "\(HumanFormat.count(Int(seconds / 86_400))) d"
    }
  }
}
