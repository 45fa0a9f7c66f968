import Datasets
import Files
import Reporting
import Runs
import Serving

/// Recommendations as a person and as a program reads them.
struct RecommendationView {
  private let dataset: Dataset
  private let phase: String
  /// Letters of a title that a table shows.
  private static let titleLetters = 36
  /// The same beside a long row.
  private static let shortTitleLetters = 24

  init(_ served: ServedModel) {
    dataset = served.dataset
    phase = served.plan.name
  }

  // MARK: A table

  /// The user's newest events, newest first, beside what is recommended, and why where that was asked.
  ///
  /// - Parameter columns: of the terminal; where both do not fit beside each other, one stands below the other.
  func table(
    user: String, _ events: UserEvents, _ found: [Recommender.Recommendation], _ why: [Explanation], newest: Int,
    columns: Int = StandardOutput.columns ?? .max
  ) -> [String] {
    let heading = "user \(printable(user)): \(HumanFormat.count(events.count, "event")), phase \(phase)"
    let (left, right) = (history(events, newest: newest), recommended(found, why, events))
    let beside = TextTable(
      left.columns + [("", .left)] + right.columns,
      rows: (0..<max(left.rows.count, right.rows.count)).map {
        left.row($0) + ["|"] + right.row($0)
      })
    guard beside.lines.contains(where: { TextTable.width($0) > columns }) else { return [heading] + beside.lines }
    return [heading] + left.table.lines + [""] + right.table.lines
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

  private func recommended(_ found: [Recommender.Recommendation], _ why: [Explanation], _ events: UserEvents) -> Part {
    let reasons = reasons(why, events)
    return Part(
      columns: [("rank", .right), ("recommended", .left), ("score", .right), ("seen", .left), ("scene", .left)] + reasons.columns,
      rows: found.indices.map { cells(found[$0], rank: $0 + 1) + (reasons.rows.isEmpty ? [] : reasons.rows[$0]) })
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
  func table(item: Int, _ found: [Recommender.Recommendation]) -> [String] {
    var table = TextTable([("rank", .right), ("item", .left), ("title", .left), ("cosine", .right), ("scene", .left)])
    for (index, entry) in found.enumerated() {
      table.append([
        "\(index + 1)", dataset.items.id(entry.item), title(entry.item), HumanFormat.decimal(Double(entry.score), 4),
        scenes(entry.item),
      ])
    }
    let heading = printable("most like \(dataset.items.id(item)) \(title(item)) (\(scenes(item))), phase \(phase)")
    return [heading] + table.lines
  }

  private func cells(_ events: UserEvents, _ event: Int) -> [String] {
    let newest = events.times[events.count - 1]
    return [
      title(Int(events.items[event])), dataset.scenes[Int(events.scenes[event])], dataset.behaviors[Int(events.behaviors[event])],
      Self.span(microseconds: newest - events.times[event]),
    ]
  }

  private func cells(_ entry: Recommender.Recommendation, rank: Int) -> [String] {
    [
      "\(rank)", title(entry.item), HumanFormat.decimal(Double(entry.score), 4), entry.isSeen ? "*" : "", scenes(entry.item),
    ]
  }

  /// The item's text, cut; its id when it has none.
  private func title(_ item: Int, letters: Int = titleLetters) -> String {
    guard dataset.items.hasText(item) else { return dataset.items.id(item) }
    let text = dataset.items.text(item)
    return text.count > letters ? text.prefix(letters - 1) + "…" : text
  }

  private func scenes(_ item: Int) -> String {
    dataset.items.scenes(item).map { dataset.scenes[$0] }.joined(separator: ", ")
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

  // MARK: JSON

  /// The user's newest events and what is recommended, and why where that was asked.
  func json(
    user: String, _ events: UserEvents, _ found: [Recommender.Recommendation], _ why: [Explanation], newest: Int
  ) -> JSONValue {
    let history = events.items.indices.reversed().prefix(newest).map { event -> JSONValue in
      [
        "item": .string(dataset.items.id(Int(events.items[event]))),
        "title": .string(dataset.items.text(Int(events.items[event]))),
        "scene": .string(dataset.scenes[Int(events.scenes[event])]),
        "behavior": .string(dataset.behaviors[Int(events.behaviors[event])]),
        "timestamp": .double(Double(events.times[event]) / 1e6),
      ]
    }
    return [
      "user": .string(user), "phase": .string(phase), "events": .int(events.count), "newest": .array(history),
      "recommendations": .array(json(found, named: "score", seen: true, why: why.map { json($0, events) })),
    ]
  }

  /// What a score is made of; a part that the phase does not have is absent.
  private func json(_ why: Explanation, _ events: UserEvents) -> JSONValue {
    let parts = [("model", why.model), ("text", why.text), ("newest", why.newest)]
    var fields = parts.compactMap { name, part in part.map { JSONValue.Field(name, Self.number($0)) } }
    if why.text != nil {
      fields.append(.init("text_events", .array(why.textEvents.map { json($0, "share", events) })))
    }
    fields.append(.init("most_like", why.mostLike.map { json($0, "cosine", events) } ?? .null))
    return .object(fields)
  }

  private func json(_ event: Explanation.Event, _ name: String, _ events: UserEvents) -> JSONValue {
    let item = Int(events.items[event.index])
    return .object([
      .init("item", .string(dataset.items.id(item))), .init("title", .string(dataset.items.text(item))),
      .init("newest_index", .int(events.count - 1 - event.index)), .init(name, Self.number(event.value)),
    ])
  }

  /// By way of text, so that a Float keeps its short form.
  private static func number(_ value: Float) -> JSONValue { .double(Double("\(value)") ?? Double(value)) }

  /// The items most like an item.
  func json(item: Int, _ found: [Recommender.Recommendation]) -> JSONValue {
    [
      "item": .string(dataset.items.id(item)), "title": .string(dataset.items.text(item)), "phase": .string(phase),
      "similar": .array(json(found, named: "cosine", seen: false)),
    ]
  }

  private func json(
    _ found: [Recommender.Recommendation], named score: String, seen: Bool, why: [JSONValue] = []
  ) -> [JSONValue] {
    found.enumerated().map { index, entry in
      var fields: [JSONValue.Field] = [
        .init("rank", .int(index + 1)), .init("item", .string(dataset.items.id(entry.item))),
        .init("title", .string(dataset.items.text(entry.item))), .init(score, Self.number(entry.score)),
      ]
      if seen { fields.append(.init("seen", .bool(entry.isSeen))) }
      fields.append(.init("scenes", .array(dataset.items.scenes(entry.item).map { .string(dataset.scenes[$0]) })))
      if why.indices.contains(index) { fields.append(.init("why", why[index])) }
      return .object(fields)
    }
  }
}
