package import Files
package import Foundation

/// One line of `metrics.jsonl`, by kind: the one place that knows which keys make which kind.
package enum MetricsLine: Sendable, Equatable {
  /// What a run began with.
  case origin(OriginRecord)
  /// A phase begins, or goes on.
  case begin(BeginRecord)
  /// Steps.
  case step(StepRecord)
  /// An evaluation.
  case evaluation(EvaluationLine)
  /// A checkpoint.
  case checkpoint(CheckpointRecord)
  /// The experts at a phase's end.
  case mixture(MixtureRecord)
  /// Where steps' time went.
  case rankTimes(RankTimesRecord)
  /// A phase is over.
  case end(EndRecord)

  /// What the kinds have in common.
  package var record: any MetricsRecord {
    switch self {
    case .origin(let record): record
    case .begin(let record): record
    case .step(let record): record
    case .evaluation(let record): record
    case .checkpoint(let record): record
    case .mixture(let record): record
    case .rankTimes(let record): record
    case .end(let record): record
    }
  }

  /// Reads a line and the second since 1970 in which it was written.
  ///
  /// Nil for a line that is cut short, damaged, or of a kind that this version does not know.
  package static func read(_ line: Data) -> (line: MetricsLine, time: Double?)? {
    guard let keys = try? JSONDecoder().decode(Keys.self, from: line) else { return nil }
    func read<Record: MetricsRecord>(_ type: Record.Type) -> Record? {
      // What earlier versions called it.
      try? RecordCoding.decode(type, from: line, renamed: ["leftOut": "skipped"])
    }
    let found: MetricsLine? =
      switch true {
      case keys.has("from"): read(OriginRecord.self).map { .origin($0) }
      case keys.has("steps_per_epoch"): read(BeginRecord.self).map { .begin($0) }
      case keys.has("split"): EvaluationLine(line).map { .evaluation($0) }
      case keys.has("checkpoint_ms"): read(CheckpointRecord.self).map { .checkpoint($0) }
      case keys.has("expert_words"): read(MixtureRecord.self).map { .mixture($0) }
      case keys.has("rank_ms"): read(RankTimesRecord.self).flatMap { $0.isPlausible ? .rankTimes($0) : nil }
      case keys.has("result_step"): read(EndRecord.self).map { .end($0) }
      case keys.has("loss"): read(StepRecord.self).map { .step($0) }
      default: nil
      }
    return found.map { ($0, keys.time) }
  }

  /// Whether a line is a JSON object at all.
  static func isObject(_ line: Data) -> Bool { (try? JSONDecoder().decode(Keys.self, from: line)) != nil }

  /// The keys of a line, and its time.
  private struct Keys: Decodable {
    let time: Double?
    private let names: Set<String>

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Name.self)
      names = Set(container.allKeys.map(\.stringValue))
      time = Name(stringValue: "time").flatMap { try? container.decode(Double.self, forKey: $0) }
    }

    func has(_ name: String) -> Bool { names.contains(name) }

    private struct Name: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init?(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
  }
}

/// An evaluation while a phase is trained.
package struct EvaluationLine: MetricsRecord {
  package var phase: String
  @Bounded<CountBounds> package var step: Int
  /// Which held-out events.
  package var split: String
  /// Means over all users by name, in the order of the file.
  package var means: [Mean]
  /// Evaluated users.
  @Bounded<CountBounds> package var users: Int
  /// Seconds that it took.
  package var seconds: Double
  /// How it was measured.
  package var measured: JSONValue

  /// A metric and its mean.
  package struct Mean: Sendable, Equatable, Decodable {
    /// `recall@10`.
    package let name: String
    /// The mean over all users.
    package let value: Double
  }

  /// Describes an evaluation.
  package init(
    phase: String, step: Int, split: String, means: [(name: String, value: Double)], users: Int, seconds: Double,
    measured: JSONValue
  ) {
    (self.phase, self.step, self.split) = (phase, step, split)
    self.means = means.map { Mean(name: $0.name, value: $0.value) }
    (self.users, self.seconds, self.measured) = (users, seconds, measured)
  }

  /// Reads a line; nil for one that is not of this kind.
  init?(_ line: Data) {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: line), case .object(let fields) = value,
      case .string(let phase) = value["phase"], case .string(let split) = value["split"],
      case .int(let step) = value["step"], CountBounds.range.contains(step)
    else { return nil }
    let users = if case .int(let users) = value["users"], CountBounds.range.contains(users) { users } else { 0 }
    let means = fields.compactMap { field in
      field.key.contains("@") || field.key == "mrr" ? field.value.number.map { (name: field.key, value: $0) } : nil
    }.prefix(256).sorted { Self.place($0.name) < Self.place($1.name) }
    self.init(
      phase: phase, step: step, split: split, means: means, users: users, seconds: value["evaluation_s"]?.number ?? 0,
      measured: value["protocol"] ?? .null)
  }

  /// Recall first, then NDCG, each by its cutoff, then the rest.
  private static func place(_ name: String) -> (Int, Int, String) {
    let parts = name.split(separator: "@")
    let kind = ["recall", "ndcg"].firstIndex { $0 == parts.first ?? "" } ?? 2
    return (kind, parts.count == 2 ? Int(parts[1]) ?? 0 : 0, name)
  }

  /// One line for people: recall and NDCG at 10, or at the largest cutoff below it, and MRR.
  package var sentence: String {
    let cutoffs = means.compactMap { $0.name.hasPrefix("recall@") ? Int($0.name.dropFirst("recall@".count)) : nil }
    let shown = cutoffs.filter { $0 <= 10 }.max() ?? cutoffs.min() ?? 10
    let text = means.filter { ["recall@\(shown)", "ndcg@\(shown)", "mrr"].contains($0.name) }
      .map { "\($0.name) \(HumanFormat.decimal($0.value, 4))" }.joined(separator: ", ")
    return "\(phase), step \(HumanFormat.count(step)): \(split) \(text), \(HumanFormat.count(users, "user"))"
  }

  /// A metric's mean; nil when it was not measured.
  package func mean(_ name: String) -> Double? { means.first { $0.name == name }?.value }

  package var details: [JSONValue.Field] {
    [.init("split", .string(split))] + means.map { .init($0.name, .double($0.value)) } + [
      .init("users", .int(users)), .init("evaluation_s", .double(seconds)), .init("protocol", measured),
    ]
  }
}
