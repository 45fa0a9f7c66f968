import Checkpoints
package import Config
package import Datasets
import Files
package import Foundation
package import Reporting
package import Runs

/// A run as its files describe it, at one moment: it may be trained meanwhile.
package struct ReportedRun: Sendable {
  /// The most runs that stand beside each other.
  package static let most = 8

  /// Its number among the runs, from 0.
  package let index: Int
  /// The folder, as it was given.
  package let path: String
  /// What it is called: the folder's name, or more of the path where two are called alike.
  package internal(set) var name: String
  /// Its folder.
  package let directory: RunDirectory
  /// What it is bound to.
  package let record: RunDirectory.Record
  /// Its configuration.
  package let config: RunConfig
  /// Its `metrics.jsonl`.
  package let history: RunHistory
  /// Its `evaluation.json`.
  package let evaluation: EvaluationFile
  /// Its phases, in the order of the configuration.
  package let phases: [ReportedPhase]
  /// What becomes of it.
  package let state: RunState
  /// When `metrics.jsonl` was changed last; nil without one.
  package let lastChange: Date?
  /// The data set that it was trained on; nil when that is not there.
  package let dataset: Dataset?
  /// Why there is no data set; nil when there is.
  package let missingDataset: String?

  /// Reads runs.
  ///
  /// Throws `InputError` for a folder that is no run, for a file of it that cannot be read, and for one run named twice.
  ///
  /// - Parameter data: the folder of the data set of those runs that were trained on it; nil = where each was trained.
  package static func read(_ paths: [String], data: String? = nil) throws -> [ReportedRun] {
    guard paths.count <= most else {
      throw InputError("\(paths.count) runs are too many to stand beside each other; name \(most) at most")
    }
    let places = paths.map { CanonicalPath($0).text }
    if let twice = places.indices.first(where: { places[..<$0].contains(places[$0]) }) {
      throw InputError("\(paths[twice]) is named twice; name each run once")
    }
    let given = try data.map { try Dataset(path: $0) }
    var runs = try paths.enumerated().map { try ReportedRun(path: $1, index: $0, data: given) }
    if let given, let first = runs.first, !runs.contains(where: { $0.record.checksum == given.manifest.checksum }) {
      throw InputError(
        "\(given.path) is not the data set of \(first.path) (checksum \(given.manifest.checksum), was \(first.record.checksum)); give the "
          + "run's own with --data, or leave it out")
    }
    let names = distinct(places.isEmpty ? [] : zip(runs, places).map { ($0.path, $1) })
    for index in runs.indices { runs[index].name = names[index] }
    return runs
  }

  private init(path: String, index: Int, data: Dataset?) throws {
    directory = RunDirectory(path: path)
    (self.index, self.path, name) = (index, directory.path, directory.path)
    record = try directory.record()
    config = try ConfigReader.read(file: directory.configPath)
    let history = try RunHistory(path: directory.metricsPath)
    self.history = history
    let names = ["universal"] + config.targeted.map(\.name)
    let evaluated = try EvaluationRecord(path: directory.evaluationPath).json
    evaluation = EvaluationFile(evaluated, run: index, phases: names)
    let others = history.phases.map(\.name).filter { !names.contains($0) }
    phases = try (names + others).map { [directory, config] name in
      try ReportedPhase(name: name, run: index, directory, config, history[phase: name])
    }
    lastChange = (try? FileManager.default.attributesOfItem(atPath: directory.metricsPath))?[.modificationDate] as? Date
    state = RunState(directory, config, history)
    (dataset, missingDataset) = Self.dataset(record, data)
  }

  private static func dataset(_ record: RunDirectory.Record, _ given: Dataset?) -> (Dataset?, String?) {
    if let given, given.manifest.checksum == record.checksum { return (given, nil) }
    guard Dataset.isDataset(record.dataset) else {
      return (nil, "The data set \(record.dataset) is not there; where it has moved, name its folder with --data.")
    }
    do {
      let found = try Dataset(path: record.dataset)
      guard found.manifest.checksum == record.checksum else {
        return (
          nil, "The data set \(record.dataset) has changed since this run was trained on it; name the run's own with --data."
        )
      }
      return (found, nil)
    } catch {
      return (nil, "The data set cannot be read: \(error).")
    }
  }

  /// The last parts of paths, as many as tell them apart.
  static func distinct(_ paths: [(given: String, full: String)]) -> [String] {
    let parts = paths.map { $0.full.split(separator: "/").map(String.init) }
    return paths.indices.map { index in
      for count in 1...max(1, parts[index].count) {
        let name = parts[index].suffix(count).joined(separator: "/")
        let isShared = parts.indices.contains { $0 != index && parts[$0].suffix(count).joined(separator: "/") == name }
        if !isShared && !name.isEmpty { return name }
      }
      return paths[index].given
    }
  }

  /// A number of a line of `metrics.jsonl`.
  package func number(_ line: Int, _ path: [String], _ value: Double?) -> RecordedNumber? {
    RecordedNumber(run: index, file: "metrics.jsonl", path: ["\(line)"] + path, value: value.map { .double($0) })
  }

  /// A whole number of a line of `metrics.jsonl`.
  package func number(_ line: Int, _ path: [String], _ value: Int) -> RecordedNumber? {
    RecordedNumber(run: index, file: "metrics.jsonl", path: ["\(line)"] + path, value: .int(value))
  }
}
