package import Datasets
package import Evaluation
package import Files
import Foundation
package import Model
import Reporting

/// `evaluation.json`: metrics by phase, split and group, each with its standard error and the protocol that it was measured by.
package struct EvaluationRecord {
  /// One phase's metrics on one split.
  package struct Entry: Sendable {
    /// The phase.
    package let phase: String
    /// The split, with a suffix when it is another model on the same users: "test", "test.universal".
    package let split: String
    /// The model's metrics.
    package let metrics: RankingMetrics
    /// What the model recommends; nil when only metrics were wanted.
    package let recommended: RecommendedItems?
    /// What else the same users were ranked by.
    package let baselines: [Standing]
    /// How they were measured.
    package let protocolFields: [JSONValue.Field]

    /// Whether the model reads when the event to be predicted happens, so that its numbers are no match for those of others.
    package var isRequestTimeKnown: Bool { protocolFields.contains(EvaluationRecord.requestTime(isKnown: true)) }

    /// Puts metrics and protocol together.
    package init(phase: String, split: String, metrics: RankingMetrics, protocolFields: [JSONValue.Field]) {
      (self.phase, self.split, self.metrics, self.protocolFields) = (phase, split, metrics, protocolFields)
      (recommended, baselines) = (nil, [])
    }

    /// Puts a comparison's standings, the model's first, and the protocol together.
    init(phase: String, split: String, standings: [Standing], protocolFields: [JSONValue.Field]) {
      (self.phase, self.split, self.protocolFields) = (phase, split, protocolFields)
      (metrics, recommended) = (standings[0].metrics, standings[0].recommended)
      baselines = Array(standings.dropFirst())
    }

    /// Means by bucket, decile, scene and behavior with their standard errors, what is recommended, the same of the baselines, then the protocol.
    package var json: JSONValue {
      var fields = Self.fields(metrics, recommended)
      if !baselines.isEmpty {
        fields.append(
          .init(
            "baselines",
            .object(
              baselines.map { .init($0.ranking.rawValue, .object(Self.fields($0.metrics, $0.recommended))) })))
      }
      fields.append(.init("protocol", .object(protocolFields)))
      return .object(fields)
    }

    private static func fields(_ metrics: RankingMetrics, _ recommended: RecommendedItems?) -> [JSONValue.Field] {
      var fields = byGroup(metrics) { group in
        metrics.estimates(of: group).map { .init($0.name, .double($0.mean)) } + [.init("users", .int(metrics.users(in: group)))]
          + (group.trainEvents.map { [.init("train_events", [.int($0.lowerBound), .int($0.upperBound)])] } ?? [])
      }
      let errors = byGroup(metrics) { group in
        metrics.estimates(of: group).map { .init($0.name, $0.standardError.map { .double($0) } ?? .null) }
      }
      fields.append(.init("standard_error", .object(errors)))
      if let recommended {
        fields += [
          .init("coverage@\(recommended.limit)", .double(recommended.coverage)),
          .init("distinct_items@\(recommended.limit)", .int(recommended.distinct)),
          .init("novelty@\(recommended.limit)", recommended.novelty.map { .double($0) } ?? .null),
        ]
      }
      return fields
    }

    /// Buckets by name, then deciles, and scenes and behaviors where there are several, each in an object of their own.
    private static func byGroup(_ metrics: RankingMetrics, _ fields: (MetricGroup) -> [JSONValue.Field]) -> [JSONValue.Field] {
      func group(_ kind: MetricGroup.Kind) -> [JSONValue.Field] {
        metrics.groups.filter { $0.kind == kind }.map { .init($0.name, .object(fields($0))) }
      }
      let others = [("popularity", group(.decile)), ("scenes", group(.scene)), ("behaviors", group(.behavior))]
      return group(.bucket) + others.filter { !$0.1.isEmpty }.map { .init($0.0, .object($0.1)) }
    }
  }

  private let path: String
  private var entries: [String: [String: JSONValue]] = [:]

  /// The protocol of a measurement: everything that must be equal for two numbers to be compared.
  ///
  /// - Parameter model: what was measured; a model that reads the time of the event to be predicted is no match for others.
  package static func protocolFields(
    _ task: EvaluationTask, _ dataset: Dataset, model: ModelShape, checkpoint: String
  ) -> [JSONValue.Field] {
    [
      .init("split", .string("\(task.split.rawValue) (\(dataset.manifest.preparation.split))")),
      .init("candidates", .string("all \(dataset.items.count) items of the catalogue")),
      .init("filter_seen", .bool(task.filterSeen)),
      .init("ties", .string("against the model")),
      requestTime(isKnown: model.readsRequestTime),
      .init("dataset_checksum", .string(dataset.manifest.checksum)),
      .init("checkpoint", .string(checkpoint)),
    ] + (dataset.manifest.preparation.coldItems.map { [.init("cold_items", .string($0))] } ?? [])
  }

  private static func requestTime(isKnown: Bool) -> JSONValue.Field {
    .init("request_time", .string(isKnown ? "known" : "not known"))
  }

  /// Reads what was recorded before; nothing when there is no file.
  package init(path: String) throws {
    self.path = path
    guard (try? FileManager.default.attributesOfItem(atPath: path)) != nil else { return }
    let data = try SmallFile.read(path)
    guard let value = try? JSONDecoder().decode([String: [String: JSONValue]].self, from: data) else {
      throw InputError("\(path) cannot be read as JSON; move it away and evaluate again")
    }
    entries = value
  }

  /// Puts an entry in, in place of an older one of the same phase and split.
  package mutating func set(_ entry: Entry) {
    entries[entry.phase, default: [:]][entry.split] = entry.json
  }

  /// Removes a phase's entries: its model is not there any more.
  mutating func remove(phase: String) { entries[phase] = nil }

  /// Changes the record of a run; commands that do so at the same time wait for each other, so that no entry is lost.
  ///
  /// Throws `InputError` when the file cannot be read or written.
  static func update(_ directory: RunDirectory, _ change: (inout EvaluationRecord) -> Void) throws {
    let path = "\(directory.path)/evaluation.lock"
    var lock: FileLock?
    do {
      lock = try FileLock(path: path, waits: true)
    } catch .closed(let reason) {
      throw InputError("\(path) cannot be opened (\(reason)), so the metrics cannot be recorded")
    } catch {
      // Without locks on the file system the last writer wins.
    }
    try withExtendedLifetime(lock) {
      var record = try EvaluationRecord(path: directory.evaluationPath)
      change(&record)
      try record.write()
    }
  }

  /// Everything recorded, by phase and split.
  package var json: JSONValue {
    .object(
      entries.sorted { $0.key < $1.key }.map { phase, splits in
        .init(phase, .object(splits.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }))
      })
  }

  /// Writes the file, whole or not at all.
  package func write() throws {
    var file = try AtomicFile(path: path)
    try file.write(json.indented + "\n")
    try file.commit()
  }
}
