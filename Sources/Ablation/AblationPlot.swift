import Config
import Reporting

/// A grid's results as a picture (SVG): a panel for each judgement, phase and metric, a group for each bucket, a dot for each variant.
///
/// A dot is the mean over seeds, its whisker the standard deviation over seeds, small dots the seeds themselves.
public struct AblationPlot {
  private let results: AblationResults
  private var grid: AblationGrid { results.grid }

  /// Takes the results that it draws.
  public init(_ results: AblationResults) { self.results = results }

  /// The whole picture.
  public var svg: String {
    let panels = grid.judgements.flatMap { judgement in
      results.phases.flatMap { phase in
        grid.metrics.map { metric in
          Panel(place: .init(judgement: judgement.label, phase: phase, split: "test"), metric: metric)
        }
      }
    }
    var picture = Picture(
      title: "\(grid.file): \(grid.variants.map(\.name).joined(separator: ", "))",
      description: panels.map(words).joined(separator: " "))
    picture.addLegend(results.legend)
    for panel in panels { draw(panel, in: &picture) }
    return picture.svg
  }

  private struct Panel {
    let place: AblationResults.Place
    let metric: String
  }

  private func title(_ panel: Panel) -> String { results.title(panel.metric, panel.place) }

  private func values(_ panel: Panel, _ variant: String, _ bucket: String) -> [Double] {
    results.values(variant, panel.place, bucket: bucket, metric: panel.metric).compactMap { $0 }
  }

  /// The panel's means.
  private func words(_ panel: Panel) -> String {
    let variants = grid.variants.map { variant in
      let means = grid.buckets.compactMap { bucket in
        Spread(values(panel, variant.name, bucket)).map { "\(bucket) \(HumanFormat.decimal($0.mean, 4))" }
      }
      return "\(variant.name): \(means.isEmpty ? "nothing" : means.joined(separator: ", "))"
    }
    return "\(title(panel)), means over seeds. \(variants.joined(separator: "; "))."
  }

  private func draw(_ panel: Panel, in picture: inout Picture) {
    let spreads = grid.buckets.map { bucket in grid.variants.map { values(panel, $0.name, bucket) } }
    var highest = 0.0
    for values in spreads.joined() {
      highest = max(highest, values.max() ?? 0)
      if let spread = Spread(values) { highest = max(highest, spread.mean + (spread.deviation ?? 0)) }
    }
    let y = picture.addPanel()
    let scale = Picture.scale(highest: highest, at: y)
    picture.addAxis(title(panel), scale, at: y)
    let room = (Picture.width - Picture.left - Picture.right) / Double(max(grid.buckets.count, 1))
    for (group, bucket) in grid.buckets.enumerated() {
      let middle = Picture.left + room * (Double(group) + 0.5)
      picture.add([Picture.text(bucket, middle, y + Picture.panelHeight - 20, anchor: "middle")])
      let step = min(24, room * 0.8 / Double(max(grid.variants.count, 1)))
      for (place, values) in spreads[group].enumerated() {
        let x = middle + step * (Double(place) - Double(grid.variants.count - 1) / 2)
        picture.add(dot(values, x: x, scale, Picture.color(place)))
      }
    }
  }

  private func dot(_ values: [Double], x: Double, _ scale: Scale, _ color: String) -> [String] {
    guard let spread = Spread(values) else { return [] }
    var lines = values.count < 2 ? [] : values.map { Picture.dot(x, scale.y($0), radius: 2, color, style: "seed") }
    if let deviation = spread.deviation {
      let ends = [spread.mean - deviation, spread.mean + deviation].map { scale.y(max($0, 0)) }
      lines.append(Picture.line(from: (x, ends[0]), to: (x, ends[1]), color: color))
    }
    return lines + [Picture.dot(x, scale.y(spread.mean), radius: 4.5, color)]
  }
}
