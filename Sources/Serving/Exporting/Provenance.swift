import Datasets
import Evaluation
package import Files
import Foundation
import Host
import Preparation
import Runs

/// Where embeddings come from: the program, the run, its phase and step, the data set, and what the model was measured to do.
package struct Provenance: Sendable {
  /// Metrics of `evaluation.json` that are told, of all users.
  private static let metricNames = ["recall@10", "ndcg@10", "mrr", "users"]

  /// The program's version.
  package let version: String
  /// The run directory, as an absolute path.
  package let run: String
  /// The phase.
  package let phase: String
  /// Steps that its checkpoint was trained for.
  package let step: Int
  /// The data set, as an absolute path, and its checksum.
  package let dataset: String
  package let datasetChecksum: String
  /// The data set that the model was trained on, where it is used on a newer one, and items that are new to it.
  package let trainedOn: String?
  package let newItems: Int
  /// What the run's `evaluation.json` says of the phase, by split: recall@10 and the like, of all users.
  package let metrics: JSONValue
  /// When this was written, UTC.
  package let created: String

  /// Describes a model that is served now.
  ///
  /// Throws `InputError` when the run's `evaluation.json` cannot be read.
  package init(_ served: ServedModel, version: String, created: Double = WallClock.seconds()) throws {
    self.version = version
    (phase, step) = (served.plan.name, served.step)
    run = Self.absolute(served.run.directory.path)
    (dataset, datasetChecksum) = (Self.absolute(served.dataset.path), served.dataset.manifest.checksum)
    trainedOn = served.run.lineage.map { Self.absolute($0.trained.path) }
    newItems = served.run.lineage?.new ?? 0
    metrics = try Self.metrics(served)
    self.created = Timestamp.text(Int64(created) * 1_000_000)
  }

  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

  private static func metrics(_ served: ServedModel) throws -> JSONValue {
    let all = try EvaluationRecord(path: served.run.directory.evaluationPath).json[served.plan.name]
    return .object(
      ["validation", "test"].compactMap { split in
        guard let bucket = all?[split]?["all"] else { return nil }
        return .init(split, .object(metricNames.compactMap { name in bucket[name].map { .init(name, $0) } }))
      })
  }

  /// The same as keys of a record.
  package var fields: [JSONValue.Field] {
    [
      .init("version", .string(version)), .init("created", .string(created)), .init("run", .string(run)),
      .init("phase", .string(phase)), .init("step", .int(step)), .init("dataset", .string(dataset)),
      .init("dataset_checksum", .string(datasetChecksum)),
    ] + (trainedOn.map { [.init("trained_on", .string($0)), .init("items_new_to_the_model", .int(newItems))] } ?? []) + [
      .init("metrics", metrics)
    ]
  }
}
