package import Files
package import Foundation
import Reporting

/// What is known of one run of a grid: how it was trained, and every metric that it has been evaluated by so far.
///
/// A file of its own beside the runs, so that a run that is whole is not trained or evaluated again.
package struct AblationRecord: Sendable, Equatable {
  /// Metrics by phase and entry ("test", "test.universal"), as `precise evaluate --json` prints them.
  package typealias Metrics = [String: [String: JSONValue]]

  private static let version = 1
  private static let ranksKey = "ranks_by_training_events"

  /// The resolved configuration.
  package let config: String
  /// The data set's checksum.
  package let dataset: String
  /// The checksum of its token states; nil when the model reads none.
  package let tokenStates: String?
  /// Whether all phases have been trained to their end.
  package var isTrained = false
  /// By label of the setting, then by split.
  package private(set) var evaluated: [String: [String: Metrics]] = [:]
  /// Of test events, by label of the setting; nothing of runs that earlier versions evaluated.
  private var ranks: [String: RanksByTrainingEvents.File] = [:]

  /// Describes a run that is to be trained.
  package init(config: String, dataset: String, tokenStates: String?) {
    (self.config, self.dataset, self.tokenStates) = (config, dataset, tokenStates)
  }

  /// Reads a record; nil when there is none.
  ///
  /// Earlier versions called the metrics `judged`, the checksums `dataset` and `token_states`.
  /// Throws `InputError` when it cannot be read.
  package init?(path: String) throws {
    guard (try? FileManager.default.attributesOfItem(atPath: path)) != nil else { return nil }
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: SmallFile.read(path)),
      value["version"] == .int(Self.version),
      case .string(let config) = value["config"], case .string(let dataset) = value["dataset_checksum"] ?? value["dataset"],
      // The second name is that of earlier versions.
      case .bool(let isTrained) = value["trained"], case .object(let labels) = value["evaluated"] ?? value["judged"]
    else { throw InputError("\(path) cannot be read; remove it, and the run is evaluated again") }
    self.init(
      config: config, dataset: dataset, tokenStates: (value["token_states_checksum"] ?? value["token_states"]).flatMap(Self.text))
    self.isTrained = isTrained
    for label in labels {
      for split in Self.fields(label.value) { evaluated[label.key, default: [:]][split.key] = Self.metrics(split.value) }
    }
    guard let ranks = Self.ranks(value[Self.ranksKey]) else {
      throw InputError("\(path): \(Self.ranksKey) cannot be read; remove the file, and the run is evaluated again")
    }
    self.ranks = ranks
  }

  /// Writes the record, whole or not at all.
  package func write(to path: String) throws {
    var file = try AtomicFile(path: path)
    try file.write(json.indented + "\n")
    try file.commit()
  }

  /// Takes in what `precise evaluate --json` has printed of a split.
  ///
  /// Throws `InputError` when it is no such thing.
  package mutating func add(_ printed: Data, setting label: String, split: String) throws {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: printed), case .object = value else {
      throw InputError("what precise evaluate has printed is no JSON")
    }
    evaluated[label, default: [:]][split, default: [:]].merge(Self.metrics(value)) { $1 }
  }

  /// Takes in what `precise evaluate --per-user` has written: of each phase its own ranks, not those of what stands beside it.
  package mutating func add(_ users: RanksByTrainingEvents.File, setting label: String, split: String) {
    for (phase, splits) in users {
      guard let own = splits[split] else { continue }
      ranks[label, default: [:]][phase, default: [:]][split] = own
    }
  }

  /// How many users found their item, by its training events; nil where no file of each user's ranks was read.
  ///
  /// - Parameter ranking: "model", or a baseline's name.
  package func ranks(_ phase: String, setting label: String, split: String, ranking: String = "model") -> RanksByTrainingEvents? {
    ranks[label]?[phase]?[split]?[ranking]
  }

  /// Whether a phase has been evaluated on a split.
  package func has(_ phase: String, setting label: String, split: String) -> Bool {
    evaluated[label]?[split]?[phase]?[split] != nil
  }

  /// What stands beside a phase on the same users ("universal"), by name.
  package func references(_ phase: String, setting label: String, split: String) -> [String] {
    let entries = evaluated[label]?[split]?[phase] ?? [:]
    return entries.keys.filter { $0.hasPrefix(split + ".") }.map { String($0.dropFirst(split.count + 1)) }.sorted()
  }

  /// The metrics and the protocol of a phase on a split, or of what stands beside it.
  package func entry(_ phase: String, setting label: String, split: String, reference: String? = nil) -> JSONValue? {
    evaluated[label]?[split]?[phase]?[reference.map { "\(split).\($0)" } ?? split]
  }

  /// The same fields as a file.
  private var json: JSONValue {
    .object([
      .init("version", .int(Self.version)), .init("config", .string(config)), .init("dataset_checksum", .string(dataset)),
      .init("token_states_checksum", tokenStates.map { JSONValue.string($0) } ?? .null), .init("trained", .bool(isTrained)),
      .init(
        "evaluated",
        Self.object(evaluated) { Self.object($0) { Self.object($0) { Self.object($0) { $0 } } } }),
      .init(
        Self.ranksKey,
        Self.object(ranks) { Self.object($0) { Self.object($0) { Self.object($0) { $0.json } } } }),
    ])
  }

  /// Nothing where there is nothing; nil when it is something else.
  private static func ranks(_ value: JSONValue?) -> [String: RanksByTrainingEvents.File]? {
    guard let value else { return [:] }
    return map(value) { map($0) { map($0) { map($0) { RanksByTrainingEvents($0) } } } }
  }

  private static func map<Value>(_ value: JSONValue, _ read: (JSONValue) -> Value?) -> [String: Value]? {
    guard case .object(let fields) = value else { return nil }
    var values: [String: Value] = [:]
    for field in fields {
      guard let value = read(field.value) else { return nil }
      values[field.key] = value
    }
    return values
  }

  private static func object<Value>(_ values: [String: Value], _ json: (Value) -> JSONValue) -> JSONValue {
    .object(values.sorted { $0.key < $1.key }.map { .init($0.key, json($0.value)) })
  }

  private static func metrics(_ value: JSONValue) -> Metrics {
    var metrics: Metrics = [:]
    for phase in fields(value) {
      for entry in fields(phase.value) { metrics[phase.key, default: [:]][entry.key] = entry.value }
    }
    return metrics
  }

  private static func fields(_ value: JSONValue) -> [JSONValue.Field] {
    if case .object(let fields) = value { fields } else { [] }
  }

  private static func text(_ value: JSONValue) -> String? { if case .string(let text) = value { text } else { nil } }
}
