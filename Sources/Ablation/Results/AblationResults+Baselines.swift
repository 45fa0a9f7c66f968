import Config
import Files
import Reporting

/// What ranked the same users without any training. It does not depend on a seed, so one run of each data set has it.
extension AblationResults {
  /// A ranking that needs no training, and the run that measured it.
  struct Baseline: Sendable, Equatable {
    /// The evaluation's name of it.
    let name: String
    /// The run.
    let variant: String
    let seed: UInt64
    /// Whether it was measured on the data set of the base, so that the base's users are its users.
    let isOfTheBase: Bool

    /// In words.
    var title: String {
      let words = ["text": "text search", "history": "own history"][name] ?? name
      return isOfTheBase ? words : "\(words), on the data of \(variant)"
    }
  }

  private static let names = ["popularity", "text", "history"]

  /// The baselines of a place: of the base's data set, then of the other variants'.
  ///
  /// Where several runs of a data set have them, the base's first seed comes first.
  func baselines(_ selection: Selection) -> [Baseline] {
    let names = [grid.base] + grid.variants.map(\.name).filter { $0 != grid.base }
    var (found, known) = ([Baseline](), Set<String?>())
    for variant in names where !known.contains(data[variant]?.checksum) {
      guard let seed = grid.seeds.first(where: { entry(variant, $0, selection, nil)?["baselines"] != nil }),
        let measured = entry(variant, seed, selection, nil)?["baselines"]
      else { continue }
      known.insert(data[variant]?.checksum)
      let isOfTheBase = data[variant]?.checksum == data[grid.base]?.checksum
      found += Self.names.filter { measured[$0] != nil }.map { name in
        Baseline(name: name, variant: variant, seed: seed, isOfTheBase: isOfTheBase)
      }
    }
    return found
  }

  /// A metric of a baseline in a group of users.
  func value(_ baseline: Baseline, _ selection: Selection, bucket: String, metric: String) -> Double? {
    Self.group(bucket, of: measured(baseline, selection))?[metric]?.number
  }

  /// Its standard error over users.
  func standardError(_ baseline: Baseline, _ selection: Selection, bucket: String, metric: String) -> Double? {
    Self.group(bucket, of: measured(baseline, selection)?["standard_error"])?[metric]?.number
  }

  /// A baseline less the base, of the seeds that the base has; nil where they have no users in common.
  func difference(_ baseline: Baseline, _ selection: Selection, bucket: String, metric: String) -> PairedDifference? {
    guard baseline.isOfTheBase, let value = value(baseline, selection, bucket: bucket, metric: metric) else { return nil }
    let base = values(grid.base, selection, bucket: bucket, metric: metric)
    return PairedDifference(base.map { $0.map { _ in value } }, minus: base)
  }

  /// Its evaluated users cut by the popularity of their items; none where no file of each user's ranks was read.
  func deciles(of baseline: Baseline, _ selection: Selection) -> [PopularityDeciles] {
    let ranks = records[baseline.variant]?[baseline.seed]?.ranks(
      selection.phase, setting: selection.setting, split: selection.split, ranking: baseline.name)
    return ranks.map { [PopularityDeciles($0)] } ?? []
  }

  private func measured(_ baseline: Baseline, _ selection: Selection) -> JSONValue? {
    entry(baseline.variant, baseline.seed, selection, nil)?["baselines"]?[baseline.name]
  }
}
