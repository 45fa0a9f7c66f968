package import Config
import Files
import Foundation
import Pictures
import Reporting

/// A grid and what its runs have brought: the numbers of every table and plot.
package struct AblationResults: Sendable {
  /// A data set that variants were trained on.
  package struct Data: Sendable, Equatable {
    /// The folder as it was given.
    package let path: String
    /// Its checksum.
    package let checksum: String

    /// Names a data set.
    package init(path: String, checksum: String) { (self.path, self.checksum) = (path, checksum) }
  }

  /// A place in the results that a table is of.
  package struct Selection: Sendable, Equatable {
    /// The setting's label.
    package let setting: String
    /// The phase.
    package let phase: String
    /// "test" or "validation".
    package let split: String
  }

  /// What was declared.
  package let grid: AblationGrid
  /// The command that makes it again.
  package let command: String
  /// The data set of each variant.
  package let data: [String: Data]
  /// What did not come to its end, a sentence each.
  package let failures: [String]
  let records: [String: [UInt64: AblationRecord]]
  private let curves: [String: [UInt64: [String: LearningCurve]]]

  /// - Parameters:
  ///   - records: by variant and seed; what is missing leaves gaps.
  ///   - curves: by variant, seed and phase; what is missing is not drawn.
  package init(
    _ grid: AblationGrid, command: String, data: [String: Data], records: [String: [UInt64: AblationRecord]],
    curves: [String: [UInt64: [String: LearningCurve]]] = [:], failures: [String] = []
  ) {
    (self.grid, self.command, self.data) = (grid, command, data)
    (self.records, self.curves, self.failures) = (records, curves, failures)
  }

  /// The phases that any variant has been evaluated on, universal first, then by the grid's order, then by name.
  package var phases: [String] {
    let found = Set(all.flatMap { $0.evaluated.values.flatMap { $0.values.flatMap(\.keys) } })
    let declared = grid.phases ?? []
    return found.filter { declared.isEmpty || declared.contains($0) }.sorted { one, other in
      func rank(_ phase: String) -> Int { declared.firstIndex(of: phase) ?? (phase == "universal" ? -1 : declared.count) }
      return (rank(one), one) < (rank(other), other)
    }
  }

  private var all: [AblationRecord] { records.values.flatMap(\.values) }

  /// What stands beside a phase on the same users, in any run.
  func references(_ selection: Selection) -> [String] {
    Set(all.flatMap { $0.references(selection.phase, setting: selection.setting, split: selection.split) }).sorted()
  }

  /// A metric of a variant in a bucket, by seed; nil where a run has none.
  package func values(
    _ variant: String, _ selection: Selection, reference: String? = nil, bucket: String, metric: String
  ) -> [Double?] {
    grid.seeds.map { seed in Self.group(bucket, of: entry(variant, seed, selection, reference))?[metric]?.number }
  }

  /// The users of a bucket; nil when no run of the variant tells.
  package func users(_ variant: String, _ selection: Selection, bucket: String) -> Int? {
    grid.seeds.lazy.compactMap { Self.group(bucket, of: entry(variant, $0, selection, nil))?["users"]?.number }.first.map {
      Int($0)
    }
  }

  /// How a variant was evaluated, in words, without what differs from run to run; nil when no run of it tells.
  func protocolText(_ variant: String, _ selection: Selection) -> String? {
    for seed in grid.seeds {
      guard case .object(let fields) = entry(variant, seed, selection, nil)?["protocol"] else { continue }
      return fields.filter { !["checkpoint", "dataset_checksum", "dataset"].contains($0.key) }.map { field in
        let value = if case .string(let text) = field.value { text } else { field.value.line }
        return "\(field.key) \(value)"
      }.joined(separator: "; ")
    }
    return nil
  }

  /// The standard error over users of a variant's mean, by seed; nil where a run has none.
  func standardErrors(_ variant: String, _ selection: Selection, bucket: String, metric: String) -> [Double?] {
    grid.seeds.map { seed in Self.group(bucket, of: entry(variant, seed, selection, nil)?["standard_error"])?[metric]?.number }
  }

  /// Evaluated users cut by the popularity of their items, of each seed that tells.
  func deciles(_ variant: String, _ selection: Selection) -> [PopularityDeciles] {
    grid.seeds.compactMap { seed in
      records[variant]?[seed]?.ranks(selection.phase, setting: selection.setting, split: selection.split).map(
        PopularityDeciles.init)
    }
  }

  /// The learning curve of a run.
  func curve(_ variant: String, seed: UInt64, phase: String) -> LearningCurve? { curves[variant]?[seed]?[phase] }

  /// A variant's name as pictures and tables of lines have it.
  func label(_ variant: String) -> String { variant == grid.base ? "\(variant) (base)" : variant }

  /// Each variant's name and color.
  var legend: [Picture.Entry] {
    grid.variants.enumerated().map { Picture.Entry(name: label($1.name), color: Picture.color($0)) }
  }

  /// What a panel or table is of.
  func title(_ metric: String, _ selection: Selection) -> String {
    "\(metric), \(selection.phase)" + (grid.settings.count > 1 ? ", \(selection.setting)" : "")
  }

  func entry(_ variant: String, _ seed: UInt64, _ selection: Selection, _ reference: String?) -> JSONValue? {
    records[variant]?[seed]?.entry(selection.phase, setting: selection.setting, split: selection.split, reference: reference)
  }
}
