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

  init(_ served: ServedModel) {
    dataset = served.dataset
    phase = served.plan.name
  }

  // MARK: A table

  /// The user's newest events, newest first, beside what is recommended.
  func table(user: String, _ events: UserEvents, _ found: [Recommender.Recommendation], newest: Int) -> [String] {
    var table = TextTable([
      ("newest events", .left), ("scene", .left), ("behavior", .left), ("before", .right), ("", .left), ("rank", .right),
      ("recommended", .left), ("score", .right), ("seen", .left), ("scene", .left),
    ])
    let shown = Array(events.items.indices.reversed().prefix(newest))
    for row in 0..<max(shown.count, found.count) {
      let left = shown.indices.contains(row) ? cells(events, shown[row]) : ["", "", "", ""]
      let right = found.indices.contains(row) ? cells(found[row], rank: row + 1) : ["", "", "", "", ""]
      table.append(left + ["|"] + right)
    }
    let heading = "user \(printable(user)): \(HumanFormat.count(events.count, "event")), phase \(phase)"
    return [heading] + table.lines
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
  private func title(_ item: Int) -> String {
    guard dataset.items.hasText(item) else { return dataset.items.id(item) }
    let text = dataset.items.text(item)
    return text.count > Self.titleLetters ? text.prefix(Self.titleLetters - 1) + "…" : text
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

  /// The user's newest events and what is recommended.
  func json(user: String, _ events: UserEvents, _ found: [Recommender.Recommendation], newest: Int) -> JSONValue {
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
      "recommendations": .array(json(found, named: "score", seen: true)),
    ]
  }

  /// The items most like an item.
  func json(item: Int, _ found: [Recommender.Recommendation]) -> JSONValue {
    [
      "item": .string(dataset.items.id(item)), "title": .string(dataset.items.text(item)), "phase": .string(phase),
      "similar": .array(json(found, named: "cosine", seen: false)),
    ]
  }

  private func json(_ found: [Recommender.Recommendation], named score: String, seen: Bool) -> [JSONValue] {
    found.enumerated().map { index, entry in
      // By way of text, so that a Float keeps its short form.
      let number = Double("\(entry.score)") ?? Double(entry.score)
      var fields: [JSONValue.Field] = [
        .init("rank", .int(index + 1)), .init("item", .string(dataset.items.id(entry.item))),
        .init("title", .string(dataset.items.text(entry.item))), .init(score, .double(number)),
      ]
      if seen { fields.append(.init("seen", .bool(entry.isSeen))) }
      fields.append(.init("scenes", .array(dataset.items.scenes(entry.item).map { .string(dataset.scenes[$0]) })))
      return .object(fields)
    }
  }
}
