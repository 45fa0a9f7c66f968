public import Config
import Foundation
import Reporting

/// A grid and what its runs have brought: the numbers of every table and plot.
public struct AblationResults: Sendable {
  /// A data set that variants were trained on.
  public struct Data: Sendable, Equatable {
    /// The folder as it was given.
    public let path: String
    /// Its checksum.
    public let checksum: String

    /// Names a data set.
    public init(path: String, checksum: String) { (self.path, self.checksum) = (path, checksum) }
  }

  /// A place in the results that a table is of.
  public struct Place: Sendable, Equatable {
    /// The judgement's label.
    public let judgement: String
    /// The phase.
    public let phase: String
    /// "test" or "validation".
    public let split: String
  }

  /// What was declared.
  public let grid: AblationGrid
  /// The command that makes it again.
  public let command: String
  /// The data set of each variant.
  public let data: [String: Data]
  /// What did not come to its end, a sentence each.
  public let failures: [String]
  private let records: [String: [UInt64: AblationRecord]]

  /// - Parameter records: by variant and seed; what is missing leaves gaps.
  public init(
    _ grid: AblationGrid, command: String, data: [String: Data], records: [String: [UInt64: AblationRecord]],
    failures: [String] = []
  ) {
    (self.grid, self.command, self.data) = (grid, command, data)
    (self.records, self.failures) = (records, failures)
  }

  /// The phases that any variant has been judged on, universal first, then by the grid's order, then by name.
  public var phases: [String] {
    let found = Set(all.flatMap { $0.judged.values.flatMap { $0.values.flatMap(\.keys) } })
    let declared = grid.phases ?? []
    return found.filter { declared.isEmpty || declared.contains($0) }.sorted { one, other in
      func rank(_ phase: String) -> Int { declared.firstIndex(of: phase) ?? (phase == "universal" ? -1 : declared.count) }
      return (rank(one), one) < (rank(other), other)
    }
  }

  private var all: [AblationRecord] { records.values.flatMap(\.values) }

  /// What stands beside a phase on the same users, in any run.
  public func references(_ place: Place) -> [String] {
    Set(all.flatMap { $0.references(place.phase, judgement: place.judgement, split: place.split) }).sorted()
  }

  /// A metric of a variant in a bucket, by seed; nil where a run has none.
  public func values(
    _ variant: String, _ place: Place, reference: String? = nil, bucket: String, metric: String
  ) -> [Double?] {
    grid.seeds.map { seed in entry(variant, seed, place, reference)?[bucket]?[metric]?.number }
  }

  /// The users of a bucket; nil when no run of the variant tells.
  public func users(_ variant: String, _ place: Place, bucket: String) -> Int? {
    grid.seeds.lazy.compactMap { entry(variant, $0, place, nil)?[bucket]?["users"]?.number }.first.map { Int($0) }
  }

  /// How a variant was judged, in words, without what differs from run to run; nil when no run of it tells.
  public func protocolText(_ variant: String, _ place: Place) -> String? {
    for seed in grid.seeds {
      guard case .object(let fields) = entry(variant, seed, place, nil)?["protocol"] else { continue }
      return fields.filter { !["checkpoint", "dataset"].contains($0.key) }.map { field in
        let value = if case .string(let text) = field.value { text } else { field.value.line }
        return "\(field.key) \(value)"
      }.joined(separator: "; ")
    }
    return nil
  }

  /// Buckets of the grid that no run knows: misspelt, or of another version.
  public var unknownBuckets: [String] {
    let known = Set(
      all.flatMap { $0.judged.values.flatMap { $0.values.flatMap { $0.values.flatMap(\.values) } } }.flatMap {
        entry -> [String] in
        if case .object(let fields) = entry { fields.map(\.key) } else { [] }
      })
    return known.isEmpty ? [] : grid.buckets.filter { !known.contains($0) }
  }

  private func entry(_ variant: String, _ seed: UInt64, _ place: Place, _ reference: String?) -> JSONValue? {
    records[variant]?[seed]?.entry(place.phase, judgement: place.judgement, split: place.split, reference: reference)
  }
}
