import Config
import Files
import Pictures

/// What each targeted phase gains on the universal phase, on the same users, in percent: a table and a picture (SVG).
///
/// The gain is taken seed by seed, so that what a seed does to both phases falls out.
package struct GainPicture {
  private static let reference = "universal"

  private let results: AblationResults
  private var grid: AblationGrid { results.grid }

  /// Takes the results that it draws.
  package init(_ results: AblationResults) { self.results = results }

  /// The whole picture; nil when no phase stands beside the universal one.
  package var svg: String? {
    guard !panels.isEmpty else { return nil }
    return DotPicture(
      title: "\(grid.file): gains of targeted phases", series: results.legend.map { DotPicture.Series($0) }, panels: panels
    ).svg
  }

  /// The same numbers as a section of tables; nothing when no phase stands beside the universal one.
  var section: [String] {
    guard !panels.isEmpty else { return [] }
    let tables = panels.flatMap { panel -> [String] in
      let rows = grid.variants.enumerated().map { number, variant in
        [results.label(variant.name)] + panel.values.map { $0[number].map(Self.text) ?? "–" }
      }
      return [""] + AblationTable.lines([[panel.title] + panel.groups] + rows)
    }
    return ["", "## Gains of targeted phases over the universal one"] + tables
  }

  private var panels: [DotPicture.Panel] {
    grid.settings.flatMap { setting -> [DotPicture.Panel] in
      let selections = results.phases.map { AblationResults.Selection(setting: setting.label, phase: $0, split: "test") }
        .filter { results.references($0).contains(Self.reference) }
      guard !selections.isEmpty else { return [] }
      return grid.metrics.map { metric in
        let how = grid.settings.count > 1 ? ", \(setting.label)" : ""
        return DotPicture.Panel(
          title: "gain in \(metric), percent, all\(how)", groups: selections.map(\.phase),
          values: selections.map { selection in grid.variants.map { Spread(gains($0.name, selection, metric))?.mark } },
          decimals: 1)
      }
    }
  }

  /// By seed; a seed whose universal phase found nothing has none.
  private func gains(_ variant: String, _ selection: AblationResults.Selection, _ metric: String) -> [Double] {
    let own = results.values(variant, selection, bucket: "all", metric: metric)
    let other = results.values(variant, selection, reference: Self.reference, bucket: "all", metric: metric)
    return zip(own, other).compactMap { own, other in
      guard let own, let other, other > 0 else { return nil }
      return 100 * (own / other - 1)
    }
  }

  private static func text(_ mark: Mark) -> String {
    let mean = HumanFormat.decimal(mark.value, 1)
    return (mean.hasPrefix("-") ? "" : "+") + mean + " %"
      + (mark.error.map { " ± " + HumanFormat.decimal($0, 1) } ?? "")
  }
}
