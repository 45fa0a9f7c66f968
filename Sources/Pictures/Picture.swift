import Files

/// What all pictures (SVG) have in common: page, colors, legend, axes.
///
/// Colors are for light and for dark pages: a color is the name of a class, and the picture's own style, or the page's around it, says
/// what it looks like. The numbers stand in the picture's description, too, for who cannot see it. No script, nothing from elsewhere.
package struct Picture: Sendable {
  /// Measures of a picture and of a panel in it, in pixels.
  package struct Format: Sendable {
    /// The picture's width.
    package var width: Double
    /// A panel's height, with its title and the words below its axis.
    package var panelHeight: Double
    /// Room for the labels of the axis.
    package var left: Double
    /// Room to the right of a panel.
    package var right = 20.0
    /// Room above a panel's highest value.
    package var top: Double

    /// A file of its own.
    package static let page = Format(width: 900, panelHeight: 260, left: 70, top: 40)
    /// A part of a page, beside another.
    package static let figure = Format(width: 430, panelHeight: 235, left: 57, right: 8, top: 12)
    /// A part of a page that has its whole width.
    package static let wide = Format(width: 720, panelHeight: 400, left: 54, right: 8, top: 12)
  }

  /// An entry of the legend.
  package struct Entry: Sendable, Equatable {
    /// What is drawn so.
    package let name: String
    /// Its color.
    package let color: String
    /// Of a dashed line; nil is a dot.
    package var dash: String?
    /// Of its marks.
    package var shape: Shape

    /// Names a color.
    package init(name: String, color: String, dash: String? = nil, shape: Shape = .circle) {
      (self.name, self.color, self.dash, self.shape) = (name, color, dash, shape)
    }
  }

  /// What a mark looks like, for who does not see its color.
  package enum Shape: Sendable, Equatable, CaseIterable {
    case circle, ring, square, triangle, diamond
  }

  /// Told apart on white and on near black, and by most who do not see all colors: three to one against the page at least.
  package static let colors = (
    light: ["#2563eb", "#d9480f", "#087f5b", "#9333ea", "#dc2626", "#a16207", "#0e7490", "#be185d"],
    dark: ["#6ea8fe", "#fb923c", "#34d399", "#c792ff", "#f87171", "#facc15", "#22d3ee", "#f472b6"]
  )
  /// What stands for a ranking that needs no training: gray, told apart by its dashes.
  package static let gray = "series-none"
  /// Of the rankings that need no training.
  package static let dashes = ["7 4", "2 3", "10 3 2 3"]

  /// The name of the picture in a word or two.
  package let title: String
  /// All its numbers in words.
  package let description: String
  /// Its measures.
  package let format: Format
  private(set) var lines: [String] = []
  private(set) var height = 10.0

  init(title: String, description: String, format: Format = .page) {
    (self.title, self.description, self.format) = (title, description, format)
    if format.width != Format.page.width { height = 0 }
  }

  /// The color of a series; after eight they repeat.
  package static func color(_ index: Int) -> String { "series-\(index % colors.light.count)" }

  /// The whole file.
  package var svg: String { ([head(id: nil)] + lines + ["</svg>"]).joined(separator: "\n") + "\n" }

  /// The picture as a part of a page, whose style gives colors and fonts.
  ///
  /// - Parameter id: of its title and description, in front; no other picture of the page has it.
  package func embedded(id: String) -> String { ([head(id: id)] + lines + ["</svg>"]).joined(separator: "\n") }

  /// Adds what is drawn.
  mutating func add(_ more: [String]) { lines += more.map { "  " + $0 } }

  /// Adds what belongs to one series, so that a page can hide it.
  mutating func add(_ more: [String], group: String?) {
    guard let group, !more.isEmpty else { return add(more) }
    add(["<g class=\"\(Self.escaped(group))\">"] + more + ["</g>"])
  }

  /// Makes the page higher by a panel and gives its upper end.
  mutating func addPanel(height panelHeight: Double? = nil) -> Double {
    defer { height += panelHeight ?? format.panelHeight }
    return height
  }

  /// Adds names beside their colors, in rows.
  mutating func addLegend(_ entries: [Entry]) {
    var (x, y) = (format.left, height + 14)
    for entry in entries {
      let room = 34 + 7.5 * Double(entry.name.count)
      if x + room > format.width - format.right && x > format.left { (x, y) = (format.left, y + 20) }
      if let dash = entry.dash {
        add([Self.line(from: (x - 6, y - 4), to: (x + 8, y - 4), color: entry.color, more: " stroke-dasharray=\"\(dash)\"")])
      } else {
        add([Self.dot(x, y - 4, radius: 5, entry.color)])
      }
      add([Self.text(entry.name, x + 13, y)])
      x += room
    }
    height = y + 16
  }

  /// Adds a panel's title and its lines at round values.
  mutating func addAxis(_ title: String, _ scale: Scale, at y: Double) {
    if !title.isEmpty { add([Self.text(title, format.left, y + 20, style: "title")]) }
    for tick in scale.ticks {
      let at = Self.number(scale.y(tick))
      add([
        "<line class=\"line\" x1=\"\(Self.number(format.left))\" x2=\"\(Self.number(format.width - format.right))\" y1=\"\(at)\" y2=\"\(at)\"/>",
        Self.text(scale.label(tick), format.left - 8, scale.y(tick) + 4, anchor: "end"),
      ])
    }
  }

  /// The scale of a panel whose extreme values are given.
  func scale(lowest: Double = 0, highest: Double, includesZero: Bool = true, at y: Double) -> Scale {
    Scale(
      lowest: lowest, highest: highest, includesZero: includesZero, from: y + format.panelHeight - 40, to: y + format.top)
  }
}

extension Picture {
  static func dot(_ x: Double, _ y: Double, radius: Double, _ color: String, style: String = "", tip: String? = nil) -> String {
    let start =
      "<circle class=\"dot \(color)\(style.isEmpty ? "" : " " + style)\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\""
    return tip.map { "\(start)><title>\(escaped($0))</title></circle>" } ?? start + "/>"
  }

  /// A mark of any shape, about as large as a dot of this radius.
  static func mark(
    _ at: (x: Double, y: Double), radius: Double, _ color: String, _ shape: Shape, style: String = "", tip: String? = nil
  ) -> String {
    let (x, y, r) = (at.x, at.y, radius)
    func path(_ points: [(Double, Double)]) -> String {
      let corners = points.map { "\(number(x + $0.0 * r)) \(number(y + $0.1 * r))" }.joined(separator: "L")
      let start = "<path class=\"dot \(color)\(style.isEmpty ? "" : " " + style)\" d=\"M\(corners)z\""
      return tip.map { "\(start)><title>\(escaped($0))</title></path>" } ?? start + "/>"
    }
    return switch shape {
    case .circle: dot(x, y, radius: r, color, style: style, tip: tip)
    case .ring: dot(x, y, radius: r * 0.9, color, style: style.isEmpty ? "ring" : "ring " + style, tip: tip)
    case .square: path([(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)])
    case .triangle: path([(0, -1.15), (1.1, 0.85), (-1.1, 0.85)])
    case .diamond: path([(0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)])
    }
  }

  /// An entry of a legend that stands outside of the picture: a short line and a mark.
  package static func swatch(_ entry: Entry, hasLine: Bool) -> String {
    let dash = entry.dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    let stroke = hasLine ? line(from: (1, 6), to: (25, 6), color: entry.color, style: "curve", more: dash) : ""
    let shape = hasLine ? "class=\"swatch\" viewBox=\"0 0 26 12\"" : "class=\"swatch small\" viewBox=\"7 0 12 12\""
    return "<svg \(shape) aria-hidden=\"true\">\(stroke)"
      + (hasLine && entry.dash != nil && entry.shape == .circle ? "" : mark((13, 6), radius: 4, entry.color, entry.shape))
      + "</svg>"
  }

  static func line(
    from: (x: Double, y: Double), to: (x: Double, y: Double), color: String, style: String = "whisker", more: String = ""
  ) -> String {
    "<line class=\"\(style) \(color)\" x1=\"\(number(from.x))\" x2=\"\(number(to.x))\" y1=\"\(number(from.y))\" y2=\"\(number(to.y))\"\(more)/>"
  }

  static func text(_ text: String, _ x: Double, _ y: Double, style: String = "text", anchor: String? = nil) -> String {
    let anchor = anchor.map { " text-anchor=\"\($0)\"" } ?? ""
    return "<text class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\"\(anchor)>\(escaped(text))</text>"
  }

  /// A length of a tenth of a pixel at least.
  static func number(_ value: Double) -> String {
    let text = HumanFormat.decimal(value, 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private func head(id: String?) -> String {
    let prefix = id.map { Self.escaped($0) + "-" } ?? ""
    let size = "viewBox=\"0 0 \(Self.number(format.width)) \(Self.number(height))\""
    let own =
      id == nil
      ? " font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\""
      : " class=\"picture\(format.width > Format.figure.width ? " wide" : "")\""
    let head = """
      <svg xmlns="http://www.w3.org/2000/svg" \(size)\(own) role="img" aria-labelledby="\(prefix)title \(prefix)description">
        <title id="\(prefix)title">\(Self.escaped(title))</title>
        <desc id="\(prefix)description">\(Self.escaped(description))</desc>
      """
    guard id == nil else { return head }
    return head + "\n" + style
      + "\n  <rect class=\"page\" width=\"\(Self.number(format.width))\" height=\"\(Self.number(height))\" rx=\"8\"/>"
  }

  /// The rules of every mark, for a file and for a page alike.
  package static let rules = """
    .dot, .bar { fill: currentColor; } .dot.ring { fill: none; stroke: currentColor; stroke-width: 1.8; } .whisker, .curve { stroke: currentColor; } .whisker { stroke-width: 1.6; }
    .thin { stroke-width: 1; } .hit { opacity: 0; } .curve { fill: none; stroke-width: 2; stroke-linejoin: round; } .spread { fill: currentColor; opacity: 0.16; } .seed { opacity: 0.45; }
    """

  private var style: String {
    func series(_ colors: [String]) -> String {
      colors.enumerated().map { ".series-\($0) { color: \($1); }" }.joined(separator: " ")
    }
    return """
        <style>
          .page { fill: #ffffff; } .text { fill: #0f172a; font-size: 12px; } .title { fill: #0f172a; font-size: 14px; font-weight: 600; }
          .line { stroke: #cbd5e1; } .series-none { color: #8b949e; }
          \(Self.rules)
          \(series(Self.colors.light))
          @media (prefers-color-scheme: dark) {
            .page { fill: #0d1117; } .text, .title { fill: #e6edf3; } .line { stroke: #3d444d; } .spread { opacity: 0.28; }
            \(series(Self.colors.dark))
          }
        </style>
      """
  }

  static func escaped(_ text: String) -> String {
    // By scalars: to `Character` an ampersand with a combining mark behind it is no ampersand.
    text.unicodeScalars.reduce(into: "") { escaped, letter in
      switch letter {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": escaped += " "
      default: escaped.unicodeScalars.append(letter)
      }
    }
  }
}

/// A number as a mark shows it: its value, how far it may lie from that, and the single numbers that it is the mean of.
package struct Mark: Sendable, Equatable {
  /// Where the mark stands.
  package let value: Double
  /// Half the length of its whisker; nil for none.
  package let error: Double?
  /// What the value is the mean of; drawn small where there are several.
  package let singles: [Double]
  /// What a pointer over it reads; nil for nothing.
  package let tip: String?

  /// Describes a mark.
  package init(_ value: Double, error: Double? = nil, singles: [Double] = [], tip: String? = nil) {
    (self.value, self.error, self.singles, self.tip) = (value, error, singles, tip)
  }

  /// Its ends.
  var low: Double { value - (error ?? 0) }
  var high: Double { value + (error ?? 0) }
}
