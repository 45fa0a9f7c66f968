import Config
import Files
import Pictures

/// Recall by how often the held-out item was trained on, in tenths of the evaluated users: a table and a picture (SVG).
///
/// Rankings that need no training stand beside the variants. Of test events, as the tables of buckets are.
package struct PopularityPicture {
  private static let metric = "recall@\(RanksByTrainingEvents.cutoff)"

  private let results: AblationResults
  private var grid: AblationGrid { results.grid }

  /// Takes the results that it draws.
  package init(_ results: AblationResults) { self.results = results }

  /// The whole picture; nil when no run tells.
  package var svg: String? {
    let panels = grid.settings.flatMap { setting in
      results.phases.compactMap { panel(.init(setting: setting.label, phase: $0, split: "test")) }
    }
    guard !panels.isEmpty else { return nil }
    return LinePicture(title: "\(grid.file): \(Self.metric) by popularity of the item", panels: panels).svg
  }

  /// The same numbers as a table; nothing when no run tells.
  func table(_ selection: AblationResults.Selection) -> [String] {
    guard let groups = groups(selection) else { return [] }
    let heads = ["\(Self.metric), test, by training events"] + groups.map(\.label)
    let rows =
      [["users"] + groups.map { HumanFormat.count($0.users) }]
      + lines(selection).map { line in
        [line.name]
          + groups.map { group in
            line.points.first { $0.x == Double(group.number) }.map { AblationTable.text($0.mark) } ?? "–"
          }
      }
    let isOneSet = Set(results.data.values.map(\.checksum)).count < 2
    return [""] + AblationTable.lines([heads] + rows)
      + (isOneSet ? [] : ["", "Groups are tenths of each data set's own users; heads and users are those of `\(grid.base)`."])
  }

  /// Everything in it, by group and seed, for other programs.
  func json(_ selection: AblationResults.Selection) -> [JSONValue] {
    sources(selection).map { source in
      .object([
        .init("setting", .string(selection.setting)), .init("phase", .string(selection.phase)),
        .init("ranked_by", .string(source.name)),
        .init("metric", .string(Self.metric)), .init("groups", .array(Self.json(source.deciles))),
      ])
    }
  }

  /// Runs of one data set have the same groups.
  private static func json(_ deciles: [PopularityDeciles]) -> [JSONValue] {
    (deciles.first?.groups ?? []).map { group in
      [
        "group": .int(group.number), "training_events": [.int(group.events.lowerBound), .int(group.events.upperBound)],
        "users": .int(group.users), "values": .array(deciles.map { $0[group.number].map { JSONValue.double($0) } ?? .null }),
      ]
    }
  }

  /// The groups of the base, or of the first variant that has any.
  private func groups(_ selection: AblationResults.Selection) -> [PopularityDeciles.Group]? {
    let names = [grid.base] + grid.variants.map(\.name)
    return names.lazy.compactMap { results.deciles($0, selection).first { !$0.groups.isEmpty } }.first?.groups
  }

  private func panel(_ selection: AblationResults.Selection) -> LinePicture.Panel? {
    guard let groups = groups(selection) else { return nil }
    return LinePicture.Panel(
      title: results.title(Self.metric, selection), axis: "training events of the item, in tenths of the users",
      labels: groups.map { (Double($0.number), $0.label) }, lines: lines(selection))
  }

  /// Something that ranked users, with its groups of each run.
  private struct Source {
    let name: String
    let line: String
    let color: String
    var dash: String?
    let deciles: [PopularityDeciles]
  }

  /// The variants, then what needs no training.
  private func sources(_ selection: AblationResults.Selection) -> [Source] {
    let variants = grid.variants.enumerated().map { number, variant in
      Source(
        name: variant.name, line: results.label(variant.name), color: Picture.color(number),
        deciles: results.deciles(variant.name, selection))
    }
    let baselines = results.baselines(selection).filter(\.isOfTheBase).enumerated().map { number, baseline in
      Source(
        name: baseline.name, line: baseline.title, color: Picture.gray, dash: Picture.dashes[number % Picture.dashes.count],
        deciles: results.deciles(of: baseline, selection))
    }
    return (variants + baselines).filter { $0.deciles.contains { !$0.groups.isEmpty } }
  }

  private func lines(_ selection: AblationResults.Selection) -> [LinePicture.Line] {
    sources(selection).map { source in
      let points = (1...10).compactMap { number -> LinePicture.Point? in
        let values = source.deciles.compactMap { $0[number] }
        return Spread(values).map { LinePicture.Point(x: Double(number), $0.mark) }
      }
      return LinePicture.Line(name: source.line, color: source.color, dash: source.dash, points: points)
    }
  }
}

/// Evaluated users in ten groups of about equal size, by the training events of their held-out items.
///
/// Users whose items have equally many events stay together, in the tenth in which their middle lies: no order among equals decides
/// where a user belongs. So where few numbers of events have many users, groups differ in size, and some may be empty. Ours.
struct PopularityDeciles: Sendable, Equatable {
  /// A group that has users.
  package struct Group: Sendable, Equatable {
    /// 1, the rarest, to 10.
    package let number: Int
    /// The training events of its items, from the fewest to the most.
    package let events: ClosedRange<Int>
    /// Its users.
    package let users: Int
    /// The share of them whose item is among the first ten.
    package let recall: Double

    /// `3`, or `4–7`.
    package var label: String {
      events.count == 1 ? "\(events.lowerBound)" : "\(events.lowerBound)–\(events.upperBound)"
    }
  }

  /// The groups that have users, rarest first.
  package let groups: [Group]

  /// Cuts the users of a setting into tenths.
  init(_ ranks: RanksByTrainingEvents) {
    let rows = ranks.rows.filter { $0.users > 0 }
    let total = rows.reduce(0) { $0 + $1.users }
    var (before, parts) = (0, [Int: [RanksByTrainingEvents.Row]]())
    for row in rows {
      // The middle of these users, in halves of a user, so that it is a whole number.
      let middle = 2 * before + row.users
      parts[min(9, middle * 10 / (2 * total)), default: []].append(row)
      before += row.users
    }
    groups = parts.sorted { $0.key < $1.key }.map { number, rows in
      let (users, found) = (rows.reduce(0) { $0 + $1.users }, rows.reduce(0) { $0 + $1.found })
      return Group(
        number: number + 1, events: rows[0].events...rows[rows.count - 1].events, users: users,
        recall: Double(found) / Double(users))
    }
  }

  /// The recall of a group; nil when it has no users.
  package subscript(number: Int) -> Double? { groups.first { $0.number == number }?.recall }
}
