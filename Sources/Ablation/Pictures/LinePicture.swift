import Files
import Reporting

/// A picture of lines: panels over one legend, and in each a line for each variant with its spread over seeds as a band.
struct LinePicture {
  /// A line.
  struct Line {
    let name: String
    let color: String
    /// Of a ranking that needs no training; nil is a variant's.
    var dash: String?
    /// Where a point stands along the axis, and the values there, one for each seed.
    let points: [(x: Double, values: [Double])]
  }

  /// Lines over one axis.
  struct Panel {
    let title: String
    /// What the axis along is of.
    let axis: String
    /// Labels and where along the axis they stand.
    let labels: [(x: Double, text: String)]
    let lines: [Line]
  }

  private let picture: Picture

  /// Draws panels; the legend has the lines of all of them.
  init(title: String, panels: [Panel]) {
    var picture = Picture(title: title, description: panels.map(Self.words).joined(separator: " "))
    var entries: [Picture.Entry] = []
    for line in panels.flatMap(\.lines) where !entries.contains(where: { $0.name == line.name }) {
      entries.append(.init(name: line.name, color: line.color, dash: line.dash))
    }
    picture.addLegend(entries)
    for panel in panels { Self.draw(panel, in: &picture) }
    self.picture = picture
  }

  /// The whole picture.
  var svg: String { picture.svg }

  /// The panel's means.
  private static func words(_ panel: Panel) -> String {
    let lines = panel.lines.map { line in
      let means = line.points.compactMap { point in
        Spread(point.values).map { "\(label(of: point.x, in: panel)): \(HumanFormat.decimal($0.mean, 4))" }
      }
      return "\(line.name): \(means.isEmpty ? "nothing" : means.joined(separator: ", "))"
    }
    return "\(panel.title), by \(panel.axis), means over seeds. \(lines.joined(separator: "; "))."
  }

  private static func label(of x: Double, in panel: Panel) -> String {
    panel.labels.first { $0.x == x }?.text ?? Picture.number(x)
  }

  private static func draw(_ panel: Panel, in picture: inout Picture) {
    let points = panel.lines.flatMap(\.points)
    let spreads = points.compactMap { Spread($0.values) }
    let highest = spreads.map { $0.mean + ($0.deviation ?? 0) }.max() ?? 0
    let y = picture.addPanel()
    let scale = Picture.scale(highest: highest, at: y)
    picture.addAxis(panel.title, scale, at: y)
    let xs = points.map(\.x) + panel.labels.map(\.x)
    let (first, last) = (xs.min() ?? 0, xs.max() ?? 1)
    func x(_ value: Double) -> Double {
      let room = Picture.width - Picture.left - Picture.right - 40
      return Picture.left + 20 + (last > first ? room * (value - first) / (last - first) : room / 2)
    }
    for label in panel.labels {
      picture.add([Picture.text(label.text, x(label.x), y + Picture.panelHeight - 24, anchor: "middle")])
    }
    picture.add([Picture.text(panel.axis, Picture.width / 2, y + Picture.panelHeight - 6, anchor: "middle")])
    // Bands first, so that no line is under one.
    for line in panel.lines { picture.add(band(line, x, scale)) }
    for line in panel.lines { picture.add(curve(line, x, scale)) }
  }

  /// One standard deviation to each side, where there are several seeds.
  private static func band(_ line: Line, _ x: (Double) -> Double, _ scale: Scale) -> [String] {
    let spreads = line.points.compactMap { point in Spread(point.values).map { (point.x, $0) } }
    guard spreads.contains(where: { $0.1.deviation != nil }) else { return [] }
    func edge(_ side: Double) -> [String] {
      spreads.map { index, spread in
        let value = max(0, spread.mean + side * (spread.deviation ?? 0))
        return "\(Picture.number(x(index))),\(Picture.number(scale.y(value)))"
      }
    }
    let corners = (edge(1) + edge(-1).reversed()).joined(separator: " ")
    return ["<polygon class=\"spread\" points=\"\(corners)\" fill=\"\(line.color)\"/>"]
  }

  private static func curve(_ line: Line, _ x: (Double) -> Double, _ scale: Scale) -> [String] {
    let means = line.points.compactMap { point in Spread(point.values).map { (x(point.x), scale.y($0.mean)) } }
    guard !means.isEmpty else { return [] }
    let corners = means.map { "\(Picture.number($0.0)),\(Picture.number($0.1))" }.joined(separator: " ")
    let dash = line.dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    let curve = "<polyline class=\"curve\" points=\"\(corners)\" stroke=\"\(line.color)\"\(dash)/>"
    return [curve] + (line.dash == nil ? means.map { Picture.dot($0.0, $0.1, radius: 3, line.color) } : [])
  }
}
