import Files

/// A picture of lines: panels over one legend, and in each a line for each series with its errors as a band or as whiskers.
package struct LinePicture: Sendable {
  /// A mark along the axis.
  package struct Point: Sendable {
    /// Where it stands along the axis.
    package let x: Double
    /// The number.
    package let mark: Mark

    /// Puts a mark on the axis.
    package init(x: Double, _ mark: Mark) { (self.x, self.mark) = (x, mark) }
  }

  /// A line.
  package struct Line: Sendable {
    /// Its name in the legend.
    package let name: String
    /// Its color.
    package let color: String
    /// Of a ranking that needs no training; nil is a model's.
    package var dash: String?
    /// The class of what a page can hide; nil for none.
    package var group: String?
    /// Of its marks.
    package var shape: Picture.Shape
    /// In the order of the axis.
    package let points: [Point]

    /// Describes a line.
    package init(
      name: String, color: String, dash: String? = nil, group: String? = nil, shape: Picture.Shape = .circle, points: [Point]
    ) {
      (self.name, self.color, self.dash, self.group) = (name, color, dash, group)
      (self.shape, self.points) = (shape, points)
    }

    /// As the legend has it.
    package var entry: Picture.Entry { Picture.Entry(name: name, color: color, dash: dash, shape: shape) }
  }

  /// Lines over one axis.
  package struct Panel: Sendable {
    /// What is measured; empty when words beside the picture say it.
    package let title: String
    /// What the axis along is of.
    package let axis: String
    /// Labels and where along the axis they stand; nil = round numbers.
    package let labels: [(x: Double, text: String)]?
    /// In the order of the legend.
    package let lines: [Line]
    /// Whether zero stands on the upright axis.
    package var includesZero = true
    /// Whether errors are drawn as whiskers and not as a band.
    package var hasWhiskers = false
    /// Points that stand out, such as the best: rings in their line's color.
    package var rings: [(color: String, group: String?, x: Double, y: Double, tip: String)] = []

    /// Describes a panel.
    package init(title: String, axis: String, labels: [(x: Double, text: String)]? = nil, lines: [Line]) {
      (self.title, self.axis, self.labels, self.lines) = (title, axis, labels, lines)
    }
  }

  /// A line with more points than this has no dots on it.
  private static let mostDots = 60

  /// The picture.
  package let picture: Picture

  /// Draws panels; the legend has the lines of all of them.
  ///
  /// - Parameters:
  ///   - of: what the marks are, in the description: `means over seeds`.
  ///   - hasLegend: whether the names stand in the picture.
  package init(
    title: String, of: String = "means over seeds", panels: [Panel], format: Picture.Format = .page, hasLegend: Bool = true
  ) {
    let words = panels.map { Self.words($0, of) }.joined(separator: " ")
    var picture = Picture(title: title, description: words, format: format)
    if hasLegend { picture.addLegend(Self.legend(panels)) }
    for panel in panels { Self.draw(panel, in: &picture) }
    self.picture = picture
  }

  /// The whole picture as a file.
  package var svg: String { picture.svg }

  /// The lines of all panels, each once.
  package static func legend(_ panels: [Panel]) -> [Picture.Entry] {
    panels.flatMap(\.lines).reduce(into: []) { entries, line in
      guard !entries.contains(where: { $0.name == line.name }) else { return }
      entries.append(line.entry)
    }
  }

  /// The panel's numbers; of a long line its ends.
  private static func words(_ panel: Panel, _ of: String) -> String {
    let lines = panel.lines.map { line in
      let points = line.points.count > mostDots ? [line.points[0], line.points[line.points.count - 1]] : line.points
      let means = points.map { "\(label(of: $0.x, in: panel)): \(HumanFormat.decimal($0.mark.value, 4))" }
      return "\(line.name): \(means.isEmpty ? "nothing" : means.joined(separator: ", "))"
    }
    let what = [panel.title, "by \(panel.axis)", of].filter { !$0.isEmpty }.joined(separator: ", ")
    return "\(what). \(lines.joined(separator: "; "))."
  }

  private static func label(of x: Double, in panel: Panel) -> String {
    panel.labels?.first { $0.x == x }?.text ?? Picture.number(x)
  }

  private static func draw(_ panel: Panel, in picture: inout Picture) {
    let points = panel.lines.flatMap(\.points)
    let y = picture.addPanel()
    let scale = picture.scale(
      lowest: panel.includesZero ? 0 : points.map(\.mark.low).min() ?? 0, highest: points.map(\.mark.high).max() ?? 0,
      includesZero: panel.includesZero, at: y)
    picture.addAxis(panel.title, scale, at: y)
    let xs = points.map(\.x) + (panel.labels ?? []).map(\.x)
    let (first, last) = (xs.min() ?? 0, xs.max() ?? 1)
    let (format, height) = (picture.format, picture.format.panelHeight)
    func x(_ value: Double) -> Double {
      let room = format.width - format.left - format.right - 40
      return format.left + 20 + (last > first ? room * (value - first) / (last - first) : room / 2)
    }
    for label in panel.labels ?? Scale.ticks(in: first...max(last, first)).map({ (x: $0.value, text: $0.text) }) {
      picture.add([Picture.text(label.text, x(label.x), y + height - 24, anchor: "middle")])
    }
    picture.add([Picture.text(panel.axis, (format.left + format.width - format.right) / 2, y + height - 6, anchor: "middle")])
    // Bands first, so that no line is under one.
    if !panel.hasWhiskers {
      for line in panel.lines { picture.add(band(line, x, scale), group: line.group) }
    }
    for line in panel.lines { picture.add(curve(line, x, scale, hasWhiskers: panel.hasWhiskers), group: line.group) }
    for ring in panel.rings {
      picture.add(
        [Picture.dot(x(ring.x), scale.y(ring.y), radius: 6.5, ring.color, style: "ring", tip: ring.tip)], group: ring.group)
    }
  }

  /// One error to each side.
  private static func band(_ line: Line, _ x: (Double) -> Double, _ scale: Scale) -> [String] {
    guard line.points.contains(where: { $0.mark.error != nil }) else { return [] }
    func edge(_ side: Double) -> [String] {
      line.points.map { point in
        let value = max(0, point.mark.value + side * (point.mark.error ?? 0))
        return "\(Picture.number(x(point.x))),\(Picture.number(scale.y(value)))"
      }
    }
    let corners = (edge(1) + edge(-1).reversed()).joined(separator: " ")
    return ["<polygon class=\"spread \(line.color)\" points=\"\(corners)\"/>"]
  }

  private static func curve(_ line: Line, _ x: (Double) -> Double, _ scale: Scale, hasWhiskers: Bool) -> [String] {
    guard !line.points.isEmpty else { return [] }
    let corners = line.points.map { "\(Picture.number(x($0.x))),\(Picture.number(scale.y($0.mark.value)))" }
    let dash = line.dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    var lines = ["<polyline class=\"curve \(line.color)\" points=\"\(corners.joined(separator: " "))\"\(dash)/>"]
    for point in line.points where hasWhiskers && point.mark.error != nil {
      let at = x(point.x)
      lines.append(
        Picture.line(
          from: (at, scale.y(point.mark.low)), to: (at, scale.y(point.mark.high)), color: line.color, style: "whisker thin"))
    }
    let isFull = line.points.count <= mostDots
    for point in line.points where (isFull && (line.dash == nil || line.shape != .circle)) || point.mark.tip != nil {
      // Without a dot to see there is still one to point at.
      let style = isFull && (line.dash == nil || line.shape != .circle) ? "" : "hit"
      let radius = style.isEmpty ? (isFull && line.points.count > 30 ? 2 : 3) : 5.0
      let at = (x: x(point.x), y: scale.y(point.mark.value))
      lines.append(Picture.mark(at, radius: radius, line.color, line.shape, style: style, tip: point.mark.tip))
    }
    return lines
  }
}
