import Config
import Reporting

/// A grid's results as a picture (SVG): a panel for each judgement, phase and metric, a group for each bucket, a dot for each variant.
///
/// A dot is the mean over seeds, its whisker the standard deviation over seeds, small dots the seeds themselves. The picture has colours
/// for light and for dark pages.
public struct AblationPlot {
  private static let (width, panelHeight, left, right, top) = (900.0, 260.0, 70.0, 20.0, 40.0)
  /// Told apart on white and on near black, and by most who do not see all colours.
  private static let colours = ["#3b82f6", "#f97316", "#10b981", "#a855f7", "#ef4444", "#ca8a04", "#06b6d4", "#ec4899"]

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
    let legend = legend()
    let first = legend.height + 10
    let height = first + Double(panels.count) * Self.panelHeight + 10
    let body = panels.enumerated().flatMap { place, panel in draw(panel, at: first + Double(place) * Self.panelHeight) }
    return ([head(height)] + legend.lines + body + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private struct Panel {
    let place: AblationResults.Place
    let metric: String
  }

  private func head(_ height: Double) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(Self.width)) \(number(height))" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" role="img">
      <title>\(escaped(grid.file)): \(escaped(grid.variants.map(\.name).joined(separator: ", ")))</title>
      <style>
        .page { fill: #ffffff; } .text { fill: #0f172a; font-size: 12px; } .title { fill: #0f172a; font-size: 14px; font-weight: 600; }
        .line { stroke: #cbd5e1; } .seed { opacity: 0.45; } .whisker { stroke-width: 1.6; }
        @media (prefers-color-scheme: dark) { .page { fill: #0d1117; } .text, .title { fill: #e6edf3; } .line { stroke: #3d444d; } }
      </style>
      <rect class="page" width="\(number(Self.width))" height="\(number(height))" rx="8"/>
    """
  }

  /// Names of variants beside their colours, in rows.
  private func legend() -> (lines: [String], height: Double) {
    var (lines, x, y) = ([String](), Self.left, 24.0)
    for (place, variant) in grid.variants.enumerated() {
      let name = variant.name + (variant.name == grid.base ? " (base)" : "")
      let room = 30 + 7.5 * Double(name.count)
      if x + room > Self.width - Self.right && x > Self.left { (x, y) = (Self.left, y + 20) }
      lines.append("  <circle cx=\"\(number(x))\" cy=\"\(number(y - 4))\" r=\"5\" fill=\"\(colour(place))\"/>")
      lines.append("  <text class=\"text\" x=\"\(number(x + 10))\" y=\"\(number(y))\">\(escaped(name))</text>")
      x += room
    }
    return (lines, y + 6)
  }

  private func draw(_ panel: Panel, at y: Double) -> [String] {
    let spreads = grid.buckets.map { bucket in
      grid.variants.map { variant in
        results.values(variant.name, panel.place, bucket: bucket, metric: panel.metric).compactMap { $0 }
      }
    }
    var highest = 0.0
    for values in spreads.joined() {
      highest = max(highest, values.max() ?? 0)
      if let spread = Spread(values) { highest = max(highest, spread.mean + (spread.deviation ?? 0)) }
    }
    let scale = Scale(highest: highest, from: y + Self.panelHeight - 40, to: y + Self.top)
    let title = "\(panel.metric), \(panel.place.phase)" + (grid.judgements.count > 1 ? ", \(panel.place.judgement)" : "")
    var lines = ["  <text class=\"title\" x=\"\(number(Self.left))\" y=\"\(number(y + 20))\">\(escaped(title))</text>"]
    for tick in scale.ticks {
      let at = number(scale.y(tick))
      lines.append(
        "  <line class=\"line\" x1=\"\(number(Self.left))\" x2=\"\(number(Self.width - Self.right))\" y1=\"\(at)\" y2=\"\(at)\"/>"
      )
      lines.append(
        "  <text class=\"text\" x=\"\(number(Self.left - 8))\" y=\"\(number(scale.y(tick) + 4))\" text-anchor=\"end\">\(scale.label(tick))</text>"
      )
    }
    let room = (Self.width - Self.left - Self.right) / Double(max(grid.buckets.count, 1))
    for (group, bucket) in grid.buckets.enumerated() {
      let middle = Self.left + room * (Double(group) + 0.5)
      lines.append(
        "  <text class=\"text\" x=\"\(number(middle))\" y=\"\(number(y + Self.panelHeight - 20))\" text-anchor=\"middle\">\(escaped(bucket))</text>"
      )
      let step = min(24, room * 0.8 / Double(max(grid.variants.count, 1)))
      for (place, values) in spreads[group].enumerated() {
        let x = middle + step * (Double(place) - Double(grid.variants.count - 1) / 2)
        lines += dot(values, x: x, scale, colour(place))
      }
    }
    return lines
  }

  private func dot(_ values: [Double], x: Double, _ scale: Scale, _ colour: String) -> [String] {
    guard let spread = Spread(values) else { return [] }
    var lines =
      values.count < 2
      ? []
      : values.map { value in
        "  <circle class=\"seed\" cx=\"\(number(x))\" cy=\"\(number(scale.y(value)))\" r=\"2\" fill=\"\(colour)\"/>"
      }
    if let deviation = spread.deviation {
      let ends = [spread.mean - deviation, spread.mean + deviation].map { number(scale.y(max($0, 0))) }
      lines.append(
        "  <line class=\"whisker\" x1=\"\(number(x))\" x2=\"\(number(x))\" y1=\"\(ends[0])\" y2=\"\(ends[1])\" stroke=\"\(colour)\"/>"
      )
    }
    lines.append("  <circle cx=\"\(number(x))\" cy=\"\(number(scale.y(spread.mean)))\" r=\"4.5\" fill=\"\(colour)\"/>")
    return lines
  }

  private func colour(_ place: Int) -> String { Self.colours[place % Self.colours.count] }

  private func number(_ value: Double) -> String {
    let text = HumanFormat.decimal(value, 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private func escaped(_ text: String) -> String {
    text.reduce(into: "") { escaped, letter in
      switch letter {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      default: escaped.append(letter.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } ? " " : letter)
      }
    }
  }
}

/// An axis from zero to a round number above the highest value, with a few round ticks.
struct Scale {
  let ticks: [Double]
  private let decimals: Int
  private let (from, to): (Double, Double)

  init(highest: Double, from: Double, to: Double) {
    (self.from, self.to) = (from, to)
    let highest = highest.isFinite ? max(highest, 1e-6) : 1
    var (step, decimals) = (Double.infinity, 0)
    // The smallest of 1, 2 and 5 times a power of ten that needs five steps at most.
    search: for exponent in -6...6 {
      for factor in [1.0, 2, 5] {
        let power = (0..<abs(exponent)).reduce(1.0) { power, _ in power * 10 }
        step = exponent < 0 ? factor / power : factor * power
        decimals = max(0, -exponent)
        if highest <= 5 * step { break search }
      }
    }
    self.decimals = decimals
    ticks = (0...max(1, min(Int((highest / step).rounded(.up)), 5))).map { Double($0) * step }
  }

  func y(_ value: Double) -> Double { from + (to - from) * value / (ticks.last ?? 1) }

  func label(_ tick: Double) -> String { HumanFormat.decimal(tick, decimals) }
}
