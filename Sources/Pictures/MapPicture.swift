import Files

/// A picture of points on a plane, each in the color and the shape of its group.
package struct MapPicture: Sendable {
  /// A point.
  package struct Point: Sendable {
    /// Where it is.
    package let (x, y): (Double, Double)
    /// The number of its group, from 0.
    package let group: Int
    /// What a pointer over it reads.
    package let tip: String

    /// Describes a point.
    package init(x: Double, y: Double, group: Int, tip: String) {
      (self.x, self.y, self.group, self.tip) = (x, y, group, tip)
    }
  }

  /// The picture.
  package private(set) var picture: Picture

  /// Draws points; those of one that is no number are not drawn.
  ///
  /// - Parameters:
  ///   - axes: what the two axes are.
  ///   - words: the description.
  package init(title: String, words: String, axes: (x: String, y: String), points: [Point], format: Picture.Format = .wide) {
    var format = format
    format.panelHeight = format.width * 0.58
    picture = Picture(title: title, description: words, format: format)
    let points = points.filter { $0.x.isFinite && $0.y.isFinite && $0.x.magnitude < 1e15 && $0.y.magnitude < 1e15 }
    let y = picture.addPanel()
    let (left, right, top, bottom) = (20.0, format.width - 8, y + 8, y + format.panelHeight - 24)
    picture.add([
      "<rect class=\"frame\" x=\"\(Picture.number(left))\" y=\"\(Picture.number(top))\" width=\"\(Picture.number(right - left))\" height=\"\(Picture.number(bottom - top))\" rx=\"4\"/>",
      Picture.text(axes.x, (left + right) / 2, bottom + 18, anchor: "middle"),
      "<text class=\"text\" transform=\"translate(12 \(Picture.number((top + bottom) / 2))) rotate(-90)\" text-anchor=\"middle\">\(Picture.escaped(axes.y))</text>",
    ])
    let (xs, ys) = (points.map(\.x), points.map(\.y))
    func place(_ value: Double, _ values: [Double], _ from: Double, _ to: Double) -> Double {
      let (low, high) = (values.min() ?? 0, values.max() ?? 1)
      return from + (to - from) * (high > low ? (value - low) / (high - low) : 0.5)
    }
    for point in points {
      let (x, y) = (place(point.x, xs, left + 12, right - 12), place(point.y, ys, bottom - 12, top + 12))
      picture.add([Self.mark(x, y, point)])
    }
  }

  private static func mark(_ x: Double, _ y: Double, _ point: Point) -> String {
    Picture.mark(
      (x, y), radius: 2.8, Picture.color(point.group), shape(point.group), style: "place", tip: point.tip)
  }

  /// The shape of a group's points: neighbors in the legend differ in it.
  package static func shape(_ group: Int) -> Picture.Shape { Picture.Shape.allCases[group % Picture.Shape.allCases.count] }
}
