package import Files

/// What a run's `evaluation.json` says, as numbers that know where they stand.
///
/// Whatever is missing, or of another kind than it should be, is not there; nothing is made up in its place.
package struct EvaluationFile: Sendable {
  /// The file's name in a run.
  package static let name = "evaluation.json"

  /// One phase's metrics on one split.
  package struct Entry: Sendable, Equatable {
    /// The phase.
    package let phase: String
    /// `test`, `validation`, `test.universal`.
    package let split: String

    /// The held-out event, whatever model was measured: `test` of `test.universal`.
    package var event: String { String(split.prefix { $0 != "." }) }
    /// Whether it is the universal phase on the users of a targeted one.
    package var isOfUniversal: Bool { split.hasSuffix(".universal") }
  }

  /// Users that have something in common.
  package struct Group: Sendable, Hashable {
    /// What they have in common.
    package enum Kind: String, Sendable, CaseIterable {
      case bucket, scene, behavior, decile

      /// The key that holds the groups of this kind; nil for those that stand beside it.
      var key: String? {
        switch self {
        case .bucket: nil
        case .scene: "scenes"
        case .behavior: "behaviors"
        case .decile: "popularity"
        }
      }
    }

    /// What the users have in common.
    package let kind: Kind
    /// Its name in the file.
    package let name: String

    /// Every evaluated user.
    package static let all = Group(kind: .bucket, name: "all")
    /// The users whose held-out item nothing was trained on.
    package static let unseen = Group(kind: .bucket, name: "unseen")

    /// Where it stands in what a ranking has found.
    var path: [String] { kind.key.map { [$0, name] } ?? [name] }
  }

  /// What users were ranked by.
  package enum Ranking: Sendable, Hashable {
    /// The phase's model.
    case model
    /// Something that needs no training.
    case baseline(String)

    var path: [String] {
      switch self {
      case .model: []
      case .baseline(let name): ["baselines", name]
      }
    }
  }

  /// More scenes, or more behaviors, than this are not recorded.
  private static let mostGroups = 256
  private static let buckets = ["all", "head", "mid", "tail", "cold", "unseen"]
  private static let rankings = ["popularity", "text", "history"]
  private static let errors = "standard_error"

  /// Phases and splits: those of the configuration's phases in its order, then any others.
  package let entries: [Entry]
  private let run: Int
  private let value: JSONValue

  /// Takes what the file says.
  ///
  /// - Parameter phases: the phases of the run's configuration, in order.
  package init(_ value: JSONValue, run: Int, phases: [String]) {
    (self.value, self.run) = (value, run)
    let found = Self.keys(value)
    let names = phases.filter(found.contains) + found.filter { !phases.contains($0) }
    entries = names.flatMap { phase in
      Self.keys(value[phase]).filter { split in Self.isObject(value[phase]?[split]) }
        .sorted { (Self.order($0), $0) < (Self.order($1), $1) }.map { Entry(phase: phase, split: $0) }
    }
  }

  /// Test before validation, a phase before the universal one on its users.
  private static func order(_ split: String) -> Int {
    (split.hasPrefix("test") ? 0 : split.hasPrefix("validation") ? 2 : 4) + (split.contains(".") ? 1 : 0)
  }

  private static func keys(_ value: JSONValue?) -> [String] {
    guard case .object(let fields) = value else { return [] }
    return fields.map(\.key)
  }

  private static func isObject(_ value: JSONValue?) -> Bool { if case .object = value { true } else { false } }

  private func found(_ path: [String]) -> JSONValue? { path.reduce(value as JSONValue?) { $0?[$1] } }

  /// The number at a place; nil when none stands there.
  package func number(_ path: [String]) -> RecordedNumber? {
    RecordedNumber(run: run, file: Self.name, path: path, value: found(path))
  }

  /// The splits to show of a phase: the test ones, or the validation ones where that is what there is.
  package func shown(phase: String) -> [Entry] {
    let own = entries.filter { $0.phase == phase }
    let test = own.filter { $0.event == "test" }
    return test.isEmpty ? own.filter { $0.event == own.first?.event } : test
  }

  /// The groups of a kind that an entry has: buckets in their order, deciles from rare to popular, others by their users.
  package func groups(_ entry: Entry, _ kind: Group.Kind) -> [Group] {
    let base = [entry.phase, entry.split]
    guard let key = kind.key else {
      return Self.buckets.filter { Self.isObject(found(base + [$0])) }.map { Group(kind: kind, name: $0) }
    }
    let names = Self.keys(found(base + [key])).prefix(Self.mostGroups).filter { Self.isObject(found(base + [key, $0])) }
    let groups = names.map { Group(kind: kind, name: $0) }
    let ranks = groups.map { group -> [Double] in
      guard kind == .decile else { return [-(users(entry, group)?.value ?? 0)] }
      // Where items of several tenths have equally many events, the last number is the rarest.
      let number = Double(group.name.split(separator: "_").last ?? "") ?? 0
      return (trainEvents(entry, group) ?? []).map(\.value) + [-number]
    }
    return groups.indices.sorted { one, other in
      ranks[one] == ranks[other] ? groups[one].name < groups[other].name : ranks[one].lexicographicallyPrecedes(ranks[other])
    }.map { groups[$0] }
  }

  /// The model, then what needs no training.
  package func rankings(_ entry: Entry) -> [Ranking] {
    let names = Self.keys(found([entry.phase, entry.split, "baselines"]))
    let known = Self.rankings.filter(names.contains)
    return [.model] + (known + names.filter { !known.contains($0) }).map { .baseline($0) }
  }

  /// The metrics of an entry: recall by cutoff, NDCG by cutoff, MRR.
  package func metrics(_ entry: Entry) -> [String] {
    let keys = Self.keys(found([entry.phase, entry.split, "all"])).filter { $0.contains("@") || $0 == "mrr" }
    func rank(_ name: String) -> (Int, Int) {
      let kind = name.hasPrefix("recall@") ? 0 : name.hasPrefix("ndcg@") ? 1 : 2
      return (kind, name.split(separator: "@").last.flatMap { Int($0) } ?? 0)
    }
    return keys.sorted { rank($0) < rank($1) }
  }

  /// The metrics that a page shows first: recall and NDCG at 10, or at the last cutoff below it, and MRR.
  package func mainMetrics(_ entry: Entry) -> [String] {
    let all = metrics(entry)
    func main(_ kind: String) -> String? {
      let own = all.filter { $0.hasPrefix(kind + "@") }
      return own.last { (Int($0.dropFirst(kind.count + 1)) ?? 0) <= 10 } ?? own.first
    }
    return [main("recall"), main("ndcg"), all.contains("mrr") ? "mrr" : nil].compactMap { $0 }
  }

  /// A metric of a group.
  package func value(_ entry: Entry, _ ranking: Ranking = .model, _ group: Group, _ metric: String) -> RecordedNumber? {
    number([entry.phase, entry.split] + ranking.path + group.path + [metric])
  }

  /// Its standard error.
  package func error(_ entry: Entry, _ ranking: Ranking = .model, _ group: Group, _ metric: String) -> RecordedNumber? {
    number([entry.phase, entry.split] + ranking.path + [Self.errors] + group.path + [metric])
  }

  /// A group's users.
  package func users(_ entry: Entry, _ group: Group) -> RecordedNumber? { value(entry, .model, group, "users") }

  /// The training events of a decile's least and most popular item.
  package func trainEvents(_ entry: Entry, _ group: Group) -> [RecordedNumber]? {
    let numbers = ["0", "1"].compactMap { index -> RecordedNumber? in
      let path = [entry.phase, entry.split] + group.path + ["train_events"]
      guard case .array(let ends) = found(path), ends.count == 2, let at = Int(index) else { return nil }
      return RecordedNumber(run: run, file: Self.name, path: path + [index], value: ends[at])
    }
    return numbers.count == 2 ? numbers : nil
  }

  /// A number of an entry as a whole, such as `coverage@10`, by the beginning of its name; with the rest of the name.
  package func whole(_ entry: Entry, _ ranking: Ranking, _ prefix: String) -> (name: String, number: RecordedNumber)? {
    let base = [entry.phase, entry.split] + ranking.path
    return Self.keys(found(base)).filter { $0.hasPrefix(prefix + "@") }.compactMap { key in number(base + [key]).map { (key, $0) }
    }
    .first
  }

  /// How an entry was measured, by key, as text.
  package func protocolFields(_ entry: Entry) -> [(key: String, value: String)] {
    guard case .object(let fields) = found([entry.phase, entry.split, "protocol"]) else { return [] }
    return fields.map { field in
      // The key of earlier versions.
      let key = field.key == "dataset" ? "dataset_checksum" : field.key
      if case .string(let text) = field.value { return (key, text) }
      return (key, field.value.line)
    }
  }
}
