import Files
import Reporting

/// What the pictures of an ablation (SVG) have in common: page, colors, legend, axes.
///
/// Colors are for light and for dark pages. The numbers stand in the picture's description, too, for who cannot see it.
struct Picture {
  /// Measures of a page and of a panel in it, in pixels.
  static let (width, panelHeight, left, right, top) = (900.0, 260.0, 70.0, 20.0, 40.0)
  /// Told apart on white and on near black, and by most who do not see all colors.
  private static let colors = ["#3b82f6", "#f97316", "#10b981", "#a855f7", "#ef4444", "#ca8a04", "#06b6d4", "#ec4899"]
  /// What stands for a ranking that needs no training: gray, told apart by its dashes.
  static let gray = "#8b949e"
  static let dashes = ["7 4", "2 3", "10 3 2 3"]

  /// An entry of the legend.
  struct Entry {
    let name: String
    let color: String
    /// Of a dashed line; nil is a dot.
    var dash: String?
  }

  /// The name of the picture in a word or two.
  let title: String
  /// All its numbers in words.
  let description: String
  private(set) var lines: [String] = []
  private(set) var height = 10.0

  init(title: String, description: String) { (self.title, self.description) = (title, description) }

  static func color(_ index: Int) -> String { colors[index % colors.count] }

  /// The whole file.
  var svg: String { ([head] + lines + ["</svg>"]).joined(separator: "\n") + "\n" }

  /// Adds what is drawn.
  mutating func add(_ more: [String]) { lines += more.map { "  " + $0 } }

  /// Makes the page higher by a panel and gives its upper end.
  mutating func addPanel() -> Double {
    defer { height += Self.panelHeight }
    return height
  }

  /// Adds names beside their colors, in rows.
  mutating func addLegend(_ entries: [Entry]) {
    var (x, y) = (Self.left, height + 14)
    for entry in entries {
      let room = 34 + 7.5 * Double(entry.name.count)
      if x + room > Self.width - Self.right && x > Self.left { (x, y) = (Self.left, y + 20) }
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
    add([Self.text(title, Self.left, y + 20, style: "title")])
    for tick in scale.ticks {
      let at = Self.number(scale.y(tick))
      add([
        "<line class=\"line\" x1=\"\(Self.number(Self.left))\" x2=\"\(Self.number(Self.width - Self.right))\" y1=\"\(at)\" y2=\"\(at)\"/>",
        Self.text(scale.label(tick), Self.left - 8, scale.y(tick) + 4, anchor: "end"),
      ])
    }
  }

  /// The scale of a panel whose extreme values are given.
  static func scale(lowest: Double = 0, highest: Double, at y: Double) -> Scale {
    Scale(lowest: lowest, highest: highest, from: y + panelHeight - 40, to: y + top)
  }

  static func dot(_ x: Double, _ y: Double, radius: Double, _ color: String, style: String? = nil) -> String {
    let style = style.map { "class=\"\($0)\" " } ?? ""
    return "<circle \(style)cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\" fill=\"\(color)\"/>"
  }

  static func line(
    from: (x: Double, y: Double), to: (x: Double, y: Double), color: String, style: String = "whisker", more: String = ""
  ) -> String {
    "<line class=\"\(style)\" x1=\"\(number(from.x))\" x2=\"\(number(to.x))\" y1=\"\(number(from.y))\" y2=\"\(number(to.y))\" stroke=\"\(color)\"\(more)/>"
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

  private var head: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(Self.width)) \(Self.number(height))" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" role="img" aria-labelledby="title description">
      <title id="title">\(Self.escaped(title))</title>
      <desc id="description">\(Self.escaped(description))</desc>
      <style>
        .page { fill: #ffffff; } .text { fill: #0f172a; font-size: 12px; } .title { fill: #0f172a; font-size: 14px; font-weight: 600; }
        .line { stroke: #cbd5e1; } .seed { opacity: 0.45; } .whisker { stroke-width: 1.6; } .curve { fill: none; stroke-width: 2; }
        .spread { opacity: 0.16; }
        @media (prefers-color-scheme: dark) { .page { fill: #0d1117; } .text, .title { fill: #e6edf3; } .line { stroke: #3d444d; } .spread { opacity: 0.28; } }
      </style>
      <rect class="page" width="\(Self.number(Self.width))" height="\(Self.number(height))" rx="8"/>
    """
  }

  private static func escaped(_ text: String) -> String {
    // By scalars: to `Character` an ampersand with a combining mark behind it is no ampersand.
    text.unicodeScalars.reduce(into: "") { escaped, letter in
      switch letter {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": escaped += " "
      default: escaped.unicodeScalars.append(letter)
      }
    }
  }
}

/// An axis from zero, or a round number below it, to a round number above the highest value, with a few round ticks.
struct Scale {
  let ticks: [Double]
  private let decimals: Int
  private let (from, to): (Double, Double)

  /// - Parameters:
  ///   - lowest: zero or less.
  ///   - from: where the lowest tick stands, in pixels.
  ///   - to: where the highest one does.
  init(lowest: Double = 0, highest: Double, from: Double, to: Double) {
    (self.from, self.to) = (from, to)
    let highest = highest.isFinite ? max(highest, 0) : 1
    let lowest = lowest.isFinite ? min(lowest, 0) : 0
    let span = min(max(highest - lowest, 1e-6), 5e6)
    var (step, decimals) = (Double.infinity, 0)
    // The smallest of 1, 2 and 5 times a power of ten that needs five steps at most.
    search: for exponent in -6...6 {
      for factor in [1.0, 2, 5] {
        let power = (0..<abs(exponent)).reduce(1.0) { power, _ in power * 10 }
        step = exponent < 0 ? factor / power : factor * power
        decimals = max(0, -exponent)
        if span <= 5 * step { break search }
      }
    }
    self.decimals = decimals
    let first = max(Int((max(lowest, -span) / step).rounded(.down)), -5)
    let last = max(min(Int((min(highest, span) / step).rounded(.up)), 5), first + 1)
    ticks = (first...last).map { Double($0) * step }
  }

  /// The lowest tick's value.
  var lowest: Double { ticks[0] }

  func y(_ value: Double) -> Double { from + (to - from) * (value - lowest) / (ticks[ticks.count - 1] - lowest) }

  func label(_ tick: Double) -> String { HumanFormat.decimal(tick, decimals) }
}
