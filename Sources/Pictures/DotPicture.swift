import Files

/// A picture of dots: panels over one legend, in each groups side by side, and in a group a dot for each series.
///
/// A dot is a number, its whisker how far it may lie from that, small dots what it is the mean of.
package struct DotPicture: Sendable {
  /// Groups over one axis.
  package struct Panel: Sendable {
    /// What is measured; empty when words beside the picture say it.
    package let title: String
    /// In the order of the axis.
    package let groups: [String]
    /// By group, then series.
    package let values: [[Mark?]]
    /// Of a number in words.
    package var decimals = 4

    /// Describes a panel.
    package init(title: String, groups: [String], values: [[Mark?]], decimals: Int = 4) {
      (self.title, self.groups, self.values, self.decimals) = (title, groups, values, decimals)
    }
  }

  /// A series of a panel.
  package struct Series: Sendable {
    /// Its name and color.
    package let entry: Picture.Entry
    /// The class of what a page can hide; nil for none.
    package var group: String?

    /// Describes a series.
    package init(_ entry: Picture.Entry, group: String? = nil) { (self.entry, self.group) = (entry, group) }
  }

  /// The picture.
  package private(set) var picture: Picture

  /// Draws panels.
  ///
  /// - Parameters:
  ///   - of: what the marks are, in the description: `means over seeds`.
  ///   - hasLegend: whether the names stand in the picture.
  package init(
    title: String, of: String = "means over seeds", series: [Series], panels: [Panel], format: Picture.Format = .page,
    hasLegend: Bool = true
  ) {
    let words = panels.map { Self.words($0, of, series.map(\.entry.name)) }
    picture = Picture(title: title, description: words.joined(separator: " "), format: format)
    if hasLegend { picture.addLegend(series.map(\.entry)) }
    for panel in panels { draw(panel, series, hasLegend: hasLegend) }
  }

  /// The whole picture as a file.
  package var svg: String { picture.svg }

  /// The panel's numbers.
  private static func words(_ panel: Panel, _ of: String, _ names: [String]) -> String {
    let variants = names.enumerated().map { index, name in
      let means = zip(panel.groups, panel.values).compactMap { group, values in
        values[index].map { "\(group) \(HumanFormat.decimal($0.value, panel.decimals))" }
      }
      return "\(name): \(means.isEmpty ? "nothing" : means.joined(separator: ", "))"
    }
    let what = [panel.title, of].filter { !$0.isEmpty }.joined(separator: ", ")
    return "\(what). \(variants.joined(separator: "; "))."
  }

  private mutating func draw(_ panel: Panel, _ series: [Series], hasLegend: Bool) {
    let marks = panel.values.joined().compactMap { $0 }
    let ends = marks.flatMap { $0.singles + [$0.low, $0.high] }
    // The groups are the axis: it has no name below them.
    let spare = hasLegend ? 0 : 16.0
    let y = picture.addPanel(height: picture.format.panelHeight - spare)
    // No metric is below zero, whatever its error says; a gain may be.
    let isAbove = marks.allSatisfy { mark in (mark.singles.isEmpty ? [mark.value] : mark.singles).allSatisfy { $0 >= 0 } }
    let scale = picture.scale(lowest: isAbove ? 0 : ends.min() ?? 0, highest: ends.max() ?? 0, at: y)
    picture.addAxis(panel.title, scale, at: y)
    let format = picture.format
    let room = (format.width - format.left - format.right) / Double(max(panel.groups.count, 1))
    for (index, group) in panel.groups.enumerated() {
      let middle = format.left + room * (Double(index) + 0.5)
      picture.add([
        Picture.text(Self.shortened(group, room), middle, y + format.panelHeight - 20, anchor: "middle")
      ])
      if index > 0 {
        let edge = middle - room / 2
        picture.add([
          Picture.line(from: (edge, scale.y(scale.lowest) - 4), to: (edge, scale.y(scale.lowest) + 4), color: "", style: "line")
        ])
      }
      let step = min(22, room * 0.72 / Double(max(series.count, 1)))
      for (number, mark) in panel.values[index].enumerated() {
        let x = middle + step * (Double(number) - Double(series.count - 1) / 2)
        picture.add(Self.dot(mark, x: x, scale, series[number].entry), group: series[number].group)
      }
    }
  }

  /// A name that its group has room for.
  private static func shortened(_ name: String, _ room: Double) -> String {
    let most = max(3, Int(room / 6.4))
    return name.count > most ? name.prefix(most - 1) + "…" : name
  }

  private static func dot(_ mark: Mark?, x: Double, _ scale: Scale, _ entry: Picture.Entry) -> [String] {
    guard let mark else { return [] }
    var lines =
      mark.singles.count < 2 ? [] : mark.singles.map { Picture.dot(x, scale.y($0), radius: 2, entry.color, style: "seed") }
    if mark.error != nil {
      let ends = [mark.low, mark.high].map { scale.y(max($0, scale.lowest)) }
      lines.append(Picture.line(from: (x, ends[0]), to: (x, ends[1]), color: entry.color))
    }
    return lines + [Picture.mark((x, scale.y(mark.value)), radius: 4.5, entry.color, entry.shape, tip: mark.tip)]
  }
}
