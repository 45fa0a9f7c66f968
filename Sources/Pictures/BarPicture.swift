import Files

/// A picture of bars that lie: a row each, and in it parts behind each other.
package struct BarPicture: Sendable {
  /// A part of a bar.
  package struct Part: Sendable {
    /// Its length.
    package let value: Double
    /// Its color.
    package let color: String
    /// What a pointer over it reads.
    package let tip: String

    /// Describes a part.
    package init(_ value: Double, color: String, tip: String) { (self.value, self.color, self.tip) = (value, color, tip) }

    /// Whether it has a length.
    fileprivate var isDrawn: Bool { value.isFinite && value > 0 }
  }

  /// A bar.
  package struct Bar: Sendable {
    /// What it is of.
    package let name: String
    /// From left to right.
    package let parts: [Part]
    /// A mark on the bar, from its left end; nil for none.
    package var mark: Double?
    /// What is said behind its end.
    package let label: String

    /// Describes a bar.
    package init(name: String, parts: [Part], mark: Double? = nil, label: String) {
      (self.name, self.parts, self.mark, self.label) = (name, parts, mark, label)
    }
  }

  private static let (rowHeight, foot, nameRoom, labelRoom) = (24.0, 42.0, 58.0, 52.0)

  /// The picture.
  package private(set) var picture: Picture

  /// Draws bars.
  ///
  /// - Parameter axis: what the lengths are of.
  package init(title: String, axis: String, bars: [Bar], format: Picture.Format = .figure) {
    let words = bars.map { "\($0.name): " + $0.parts.map(\.tip).joined(separator: ", ") }.joined(separator: "; ")
    picture = Picture(title: title, description: "\(axis). \(words).", format: format)
    let y = picture.addPanel(height: Double(max(bars.count, 1)) * Self.rowHeight + Self.foot + 4)
    let left = Self.nameRoom
    let longest = bars.map { $0.parts.filter(\.isDrawn).reduce(0) { $0 + $1.value } }.max() ?? 1
    let right = format.width - Self.labelRoom
    let scale = Scale(highest: longest, from: left, to: right)
    let bottom = y + 4 + Double(bars.count) * Self.rowHeight
    for tick in scale.ticks {
      let x = scale.y(tick)
      picture.add([
        Picture.line(from: (x, y), to: (x, bottom + 4), color: "", style: "line"),
        Picture.text(scale.label(tick), x, bottom + 18, anchor: "middle"),
      ])
    }
    picture.add([Picture.text(axis, (left + right) / 2, bottom + 36, anchor: "middle")])
    for (number, bar) in bars.enumerated() { draw(bar, at: y + 4 + Double(number) * Self.rowHeight, scale) }
  }

  private mutating func draw(_ bar: Bar, at y: Double, _ scale: Scale) {
    picture.add([Picture.text(bar.name, Self.nameRoom - 8, y + 17, anchor: "end")])
    var from = 0.0
    for part in bar.parts where part.isDrawn {
      let (x, end) = (scale.y(from), scale.y(from + part.value))
      picture.add([
        "<rect class=\"bar \(part.color)\" x=\"\(Picture.number(x))\" y=\"\(Picture.number(y + 3))\" width=\"\(Picture.number(max(end - x, 0.1)))\" height=\"\(Picture.number(Self.rowHeight - 7))\"><title>\(Picture.escaped(part.tip))</title></rect>"
      ])
      from += part.value
    }
    if let mark = bar.mark, mark.isFinite {
      let x = scale.y(mark)
      picture.add([Picture.line(from: (x, y), to: (x, y + Self.rowHeight - 1), color: "", style: "pin")])
    }
    picture.add([Picture.text(bar.label, scale.y(from) + 8, y + 17)])
  }
}
