import Files
import Reporting

/// A picture of dots: panels over one legend, in each groups side by side, and in a group a dot for each variant.
///
/// A dot is the mean over seeds, its whisker the standard deviation over seeds, small dots the seeds themselves.
struct DotPicture {
  /// Groups over one axis.
  struct Panel {
    let title: String
    let groups: [String]
    /// By group, then variant: the values of the seeds.
    let values: [[[Double]]]
    /// Of a mean in words.
    var decimals = 4
  }

  private var picture: Picture

  /// Draws panels.
  ///
  /// - Parameter legend: the variants of each panel.
  init(title: String, legend: [Picture.Entry], panels: [Panel]) {
    let words = panels.map { Self.words($0, legend.map(\.name)) }
    picture = Picture(title: title, description: words.joined(separator: " "))
    picture.addLegend(legend)
    for panel in panels { draw(panel, legend.map(\.color)) }
  }

  /// The whole picture.
  var svg: String { picture.svg }

  /// The panel's means.
  private static func words(_ panel: Panel, _ names: [String]) -> String {
    let variants = names.enumerated().map { index, name in
      let means = zip(panel.groups, panel.values).compactMap { group, values in
        Spread(values[index]).map { "\(group) \(HumanFormat.decimal($0.mean, panel.decimals))" }
      }
      return "\(name): \(means.isEmpty ? "nothing" : means.joined(separator: ", "))"
    }
    return "\(panel.title), means over seeds. \(variants.joined(separator: "; "))."
  }

  private mutating func draw(_ panel: Panel, _ colors: [String]) {
    let ends = panel.values.joined().flatMap { values -> [Double] in
      guard let spread = Spread(values) else { return [] }
      return values + [spread.mean - (spread.deviation ?? 0), spread.mean + (spread.deviation ?? 0)]
    }
    let y = picture.addPanel()
    // No metric is below zero, whatever its spread says; a gain may be.
    let isAbove = panel.values.joined().joined().allSatisfy { $0 >= 0 }
    let scale = Picture.scale(lowest: isAbove ? 0 : ends.min() ?? 0, highest: ends.max() ?? 0, at: y)
    picture.addAxis(panel.title, scale, at: y)
    let room = (Picture.width - Picture.left - Picture.right) / Double(max(panel.groups.count, 1))
    for (index, group) in panel.groups.enumerated() {
      let middle = Picture.left + room * (Double(index) + 0.5)
      picture.add([Picture.text(group, middle, y + Picture.panelHeight - 20, anchor: "middle")])
      let step = min(24, room * 0.8 / Double(max(colors.count, 1)))
      for (number, values) in panel.values[index].enumerated() {
        let x = middle + step * (Double(number) - Double(colors.count - 1) / 2)
        picture.add(Self.dot(values, x: x, scale, colors[number]))
      }
    }
  }

  private static func dot(_ values: [Double], x: Double, _ scale: Scale, _ color: String) -> [String] {
    guard let spread = Spread(values) else { return [] }
    var lines = values.count < 2 ? [] : values.map { Picture.dot(x, scale.y($0), radius: 2, color, style: "seed") }
    if let deviation = spread.deviation {
      let ends = [spread.mean - deviation, spread.mean + deviation].map { scale.y(max($0, scale.lowest)) }
      lines.append(Picture.line(from: (x, ends[0]), to: (x, ends[1]), color: color))
    }
    return lines + [Picture.dot(x, scale.y(spread.mean), radius: 4.5, color)]
  }
}
