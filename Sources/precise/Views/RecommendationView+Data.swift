import Datasets
import Files
import Reporting
import Runs
import Serving

// Recommendations as a program reads them.
extension RecommendationView {
  /// The user's newest events and what is recommended, and why where that was asked.
  func json(_ entry: Entry) -> JSONValue {
    let events = entry.events
    let history = events.items.indices.reversed().prefix(entry.newest).map { event -> JSONValue in
      [
        "item": .string(dataset.items.id(Int(events.items[event]))),
        "title": .string(dataset.items.text(Int(events.items[event]))),
        "scene": .string(dataset.scenes[Int(events.scenes[event])]),
        "behavior": .string(dataset.behaviors[Int(events.behaviors[event])]),
        "timestamp": .double(Double(events.times[event]) / 1e6),
      ]
    }
    return [
      "user": .string(entry.user), "phase": .string(phase), "events": .int(events.count), "newest": .array(history),
      "seen_left_out": .int(entry.found.seenLeftOut),
      "recommendations": .array(
        json(entry.found.items, named: "score", seen: true, why: entry.why.map { json($0, events) })),
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
  func json(item: Int, _ found: Recommender.List) -> JSONValue {
    [
      "item": .string(dataset.items.id(item)), "title": .string(dataset.items.text(item)), "phase": .string(phase),
      "similar": .array(json(found.items, named: "cosine", seen: false)),
    ]
  }

  private func json(
    _ found: [Recommender.Recommendation], named score: String, seen: Bool, why: [JSONValue] = []
  ) -> [JSONValue] {
    found.enumerated().map { index, entry in
      var fields: [JSONValue.Field] = [
        .init("rank", .int(index + 1)), .init("item", .string(items.id(entry.item))),
        .init("title", .string(items.text(entry.item))), .init(score, Self.number(entry.score)),
      ]
      if seen { fields.append(.init("seen", .bool(entry.isSeen))) }
      if items.isAdded(entry.item) { fields.append(.init("new", .bool(true))) }
      fields.append(.init("scenes", .array(items.sceneNames(entry.item).map { .string($0) })))
      if why.indices.contains(index) { fields.append(.init("why", why[index])) }
      return .object(fields)
    }
  }

  /// The fields of a row of `csv(_:)`, and of `csv(item:_:)`.
  static func csvHeader(isSimilar: Bool) -> String { isSimilar ? "item,rank,similar,cosine" : "user,rank,item,score" }

  /// A line for each recommended item.
  func csv(_ entry: Entry) -> [String] { csv(entry.user, entry.found) }

  /// A line for each item that is like one.
  func csv(item: Int, _ found: Recommender.List) -> [String] { csv(items.id(item), found) }

  private func csv(_ name: String, _ found: Recommender.List) -> [String] {
    let name = CSVField.quoted(name)
    return found.items.enumerated().map { "\(name),\($0 + 1),\(CSVField.quoted(items.id($1.item))),\($1.score)" }
  }
}
