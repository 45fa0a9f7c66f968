import Config
import Files
import Pictures

/// The validation metric while a phase was trained, by epoch: a table and a picture (SVG).
package struct CurvePicture {
  private let results: AblationResults
  private var grid: AblationGrid { results.grid }

  /// Takes the results that it draws.
  package init(_ results: AblationResults) { self.results = results }

  /// The whole picture; nil when no run tells.
  package var svg: String? {
    let panels = results.phases.flatMap(panels)
    guard !panels.isEmpty else { return nil }
    return LinePicture(title: "\(grid.file): learning curves", panels: panels).svg
  }

  /// The same numbers as tables; nothing when no run tells.
  func table(_ phase: String) -> [String] {
    panels(phase).flatMap { panel -> [String] in
      let xs = Set(panel.lines.flatMap { $0.points.map(\.x) }).sorted()
      let heads = ["\(panel.title), by \(panel.axis)"] + xs.map(Self.label)
      let rows = panel.lines.map { line in
        [line.name]
          + xs.map { x in
            line.points.first { $0.x == x }.map { AblationTable.text($0.mark) } ?? "–"
          }
      }
      return [""] + AblationTable.lines([heads] + rows)
    }
  }

  /// The curve of each run, for other programs.
  func json(_ phase: String) -> [JSONValue] {
    grid.variants.flatMap { variant in
      grid.seeds.compactMap { seed -> JSONValue? in
        guard let curve = results.curve(variant.name, seed: seed, phase: phase) else { return nil }
        return .object([
          .init("phase", .string(phase)), .init("variant", .string(variant.name)), .init("seed", AblationResults.number(seed)),
          .init("metric", .string(curve.metric)), .init("epochs", curve.epochs.map { JSONValue.int($0) } ?? .null),
          .init("points", .array(curve.points.map { ["step": .int($0.step), "value": .double($0.value)] })),
        ])
      }
    }
  }

  /// A panel for each metric that checkpoints were chosen by.
  private func panels(_ phase: String) -> [LinePicture.Panel] {
    let curves = grid.variants.map { variant in
      grid.seeds.compactMap { results.curve(variant.name, seed: $0, phase: phase) }.filter { !$0.points.isEmpty }
    }
    let inEpochs = curves.joined().allSatisfy { $0.epochs != nil }
    let metrics = curves.joined().reduce(into: [String]()) { if !$0.contains($1.metric) { $0.append($1.metric) } }
    return metrics.map { metric in
      let lines = zip(grid.variants, curves).enumerated().compactMap { number, pair -> LinePicture.Line? in
        let points = Self.points(pair.1.filter { $0.metric == metric }, inEpochs)
        let name = results.label(pair.0.name)
        return points.isEmpty ? nil : LinePicture.Line(name: name, color: Picture.color(number), points: points)
      }
      return LinePicture.Panel(
        title: "\(metric), validation, \(phase)", axis: inEpochs ? "epoch" : "step",
        labels: Self.labels(lines.flatMap { $0.points.map(\.x) }), lines: lines)
    }
  }

  private static func points(_ curves: [LearningCurve], _ inEpochs: Bool) -> [LinePicture.Point] {
    var values: [Double: [Double]] = [:]
    for curve in curves {
      for point in curve.points { values[curve.x(of: point, inEpochs: inEpochs), default: []].append(point.value) }
    }
    return values.sorted { $0.key < $1.key }.compactMap { x, values in Spread(values).map { LinePicture.Point(x: x, $0.mark) } }
  }

  /// At most a dozen of the places, evenly, with the last one.
  private static func labels(_ xs: [Double]) -> [(x: Double, text: String)] {
    let distinct = Set(xs).sorted()
    let stride = (distinct.count + 11) / 12
    return distinct.enumerated().filter { (distinct.count - 1 - $0.offset) % max(stride, 1) == 0 }.map {
      ($0.element, label($0.element))
    }
  }

  private static func label(_ x: Double) -> String {
    let text = HumanFormat.decimal(x, 2)
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }
}
