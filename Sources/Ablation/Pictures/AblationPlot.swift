import Config
import Pictures

/// A grid's results as a picture (SVG): a panel for each setting, phase and metric, a group for each bucket, a dot for each variant.
package struct AblationPlot {
  private let results: AblationResults
  private var grid: AblationGrid { results.grid }

  /// Takes the results that it draws.
  package init(_ results: AblationResults) { self.results = results }

  /// The whole picture.
  package var svg: String {
    let panels = grid.settings.flatMap { setting in
      results.phases.flatMap { phase in
        grid.metrics.map { panel($0, .init(setting: setting.label, phase: phase, split: "test")) }
      }
    }
    let title = "\(grid.file): \(grid.variants.map(\.name).joined(separator: ", "))"
    return DotPicture(title: title, series: results.legend.map { DotPicture.Series($0) }, panels: panels).svg
  }

  private func panel(_ metric: String, _ selection: AblationResults.Selection) -> DotPicture.Panel {
    let values = grid.buckets.map { bucket in
      grid.variants.map { variant in
        Spread(results.values(variant.name, selection, bucket: bucket, metric: metric).compactMap { $0 })?.mark
      }
    }
    return DotPicture.Panel(title: results.title(metric, selection), groups: grid.buckets, values: values)
  }
}
