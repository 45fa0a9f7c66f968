public import Datasets
public import Evaluation
import Files
import Foundation
public import Reporting

/// `evaluation.json`: metrics by phase, split and bucket, each with the protocol that they were measured by.
public struct EvaluationRecord {
  /// One phase's metrics on one split.
  public struct Entry {
    /// The phase.
    public let phase: String
    /// The split, with a suffix when it is another model on the same users: "test", "test.universal".
    public let split: String
    /// The metrics.
    public let metrics: RankingMetrics
    /// How they were measured.
    public let protocolFields: [JSONValue.Field]

    /// Puts metrics and protocol together.
    public init(phase: String, split: String, metrics: RankingMetrics, protocolFields: [JSONValue.Field]) {
      self.phase = phase
      self.split = split
      self.metrics = metrics
      self.protocolFields = protocolFields
    }

    /// Buckets, then the protocol.
    public var json: JSONValue {
      var fields = PopularityBuckets.names.map { bucket in
        JSONValue.Field(
          bucket,
          .object(
            metrics.means(of: bucket).map { .init($0.name, .double($0.value)) }
              + [.init("users", .int(metrics.users(in: bucket)))]))
      }
      fields.append(.init("protocol", .object(protocolFields)))
      return .object(fields)
    }
  }

  /// The protocol of a measurement: everything that must be equal for two numbers to be compared.
  public static func protocolFields(_ task: EvaluationTask, _ dataset: Dataset, checkpoint: String) -> [JSONValue.Field] {
    [
      .init("split", .string("\(task.split.rawValue) (\(dataset.manifest.preparation.split))")),
      .init("candidates", .string("all \(dataset.items.count) items of the catalogue")),
      .init("filter_seen", .bool(task.filterSeen)),
      .init("ties", .string("against the model")),
      .init("dataset", .string(dataset.manifest.checksum)),
      .init("checkpoint", .string(checkpoint)),
    ] + (dataset.manifest.preparation.coldItems.map { [.init("cold_items", .string($0))] } ?? [])
  }

  /// Reads what was recorded before; nothing when there is no file.
  public init(path: String) throws {
    self.path = path
    guard (try? FileManager.default.attributesOfItem(atPath: path)) != nil else { return }
    let data = try SmallFile.read(path)
    guard let value = try? JSONDecoder().decode([String: [String: AnyJSON]].self, from: data) else {
      throw InputError("\(path) cannot be read as JSON; move it away and evaluate again")
    }
    entries = value.mapValues { $0.mapValues(\.value) }
  }

  /// Puts an entry in, in place of an older one of the same phase and split.
  public mutating func set(_ entry: Entry) {
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
  public var json: JSONValue {
    .object(
      entries.sorted { $0.key < $1.key }.map { phase, splits in
        .init(phase, .object(splits.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }))
      })
  }

  /// Writes the file, whole or not at all.
  public func write() throws {
    var file = try AtomicFile(path: path)
    try file.write(json.indented + "\n")
    try file.commit()
  }

  private let path: String
  private var entries: [String: [String: JSONValue]] = [:]
}

/// Any JSON, to carry over what another command wrote.
private struct AnyJSON: Decodable {
  let value: JSONValue

  init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: AnyKey.self) {
      // Keys come in no order; metrics are few and sorted by name.
      value = .object(
        try object.allKeys.sorted { $0.stringValue < $1.stringValue }
          .map { .init($0.stringValue, try object.decode(AnyJSON.self, forKey: $0).value) })
      return
    }
    let single = try decoder.singleValueContainer()
    if single.decodeNil() {
      value = .null
    } else if let flag = try? single.decode(Bool.self) {
      value = .bool(flag)
    } else if let number = try? single.decode(Int.self) {
      value = .int(number)
    } else if let number = try? single.decode(Double.self) {
      value = .double(number)
    } else {
      value = .string(try single.decode(String.self))
    }
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
