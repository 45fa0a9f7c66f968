import Foundation

/// How likely each item is to be drawn, as groups of items of one chance; says how many distinct items some draws are expected to show.
///
/// What `precise check` counts with in place of the draws themselves.
public struct ItemPopularity: Sendable {
  /// Items that share a chance.
  private struct Group {
    var items: Double
    var chance: Double
  }

  /// V, the number of items.
  public let items: Int
  private let groups: [Group]

  /// The law of `precise bench`: the chance of the item of rank r, from 0, is as 1 / (r + 10), of `drawn` of the items.
  ///
  /// Items beyond the first thousand come in runs whose chances differ by less than a part in 256: a hundred million of them would
  /// take seconds one by one.
  public init(zipf drawn: Int, of items: Int) {
    self.items = items
    var groups: [Group] = []
    var start = 0
    while start < drawn {
      let end = min(drawn, start + max(1, start / 256))
      // The integral over the run, from half a rank before its first to half a rank behind its last.
      groups.append(Group(items: Double(end - start), chance: log((Double(end) + 9.5) / (Double(start) + 9.5))))
      start = end
    }
    let total = groups.reduce(0) { $0 + $1.chance }
    self.groups =
      groups.map { Group(items: $0.items, chance: $0.chance / total / $0.items) }
      + [Group(items: Double(items - drawn), chance: 0)]
  }

  /// The chances that a data set's counts give; nothing is drawn when all are zero.
  public init(counts: some Collection<Double>) {
    items = counts.count
    var groups: [Double: Double] = [:]
    for count in counts { groups[count, default: 0] += 1 }
    let total = groups.reduce(0) { $0 + $1.key * $1.value }
    self.groups = groups.sorted { $0.key > $1.key }.map { Group(items: $0.value, chance: total > 0 ? $0.key / total : 0) }
  }

  /// Distinct items expected of `draws` by popularity and `uniform` draws from the whole catalogue.
  ///
  ///     Σ_i 1 − (1 − p_i)^draws · (1 − 1/V)^uniform
  public func distinct(draws: Double, uniform: Double = 0) -> Double {
    let uniformMiss = items > 1 ? uniform * log1p(-1 / Double(items)) : (uniform > 0 ? -.infinity : 0)
    return groups.reduce(0) { sum, group in
      let miss = group.chance < 1 ? draws * log1p(-group.chance) : (draws > 0 ? -.infinity : 0)
      return sum + group.items * -expm1(miss + uniformMiss)
    }
  }
}
