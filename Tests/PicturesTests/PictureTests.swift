import Testing

@testable import Pictures

struct PictureTests {
  private func count(_ text: String, in whole: String) -> Int {
    whole.split(separator: text, omittingEmptySubsequences: false).count - 1
  }

  /// The numbers of an attribute, in the order of the picture.
  private func values(_ attribute: String, of element: String, in svg: String) -> [Double] {
    svg.split(separator: "<").filter { $0.hasPrefix(element) }.compactMap { part in
      part.split(separator: " \(attribute)=\"").dropFirst().first.flatMap { Double($0.prefix { $0 != "\"" }) }
    }
  }

  @Test func aFileHasItsOwnStyleAndAPartOfAPageHasNot() {
    let points = [(0.0, 1.0), (1.0, 2.0)].map { LinePicture.Point(x: $0, Mark($1)) }
    let panel = LinePicture.Panel(title: "", axis: "step", lines: [.init(name: "a", color: Picture.color(0), points: points)])
    let picture = LinePicture(title: "t & u", panels: [panel], format: .figure, hasLegend: false).picture
    #expect(picture.svg.contains("<style>") && picture.svg.contains("<title id=\"title\">t &amp; u</title>"))
    let part = picture.embedded(id: "x\"y")
    #expect(!part.contains("<style>") && part.contains("aria-labelledby=\"x&quot;y-title x&quot;y-description\""))
    #expect(part.contains("class=\"picture\"") && part.contains("by step, means over seeds. a: 0: 1.0000, 1: 2.0000."))
  }

  /// Twice the value is twice as far from the axis' zero, and x goes evenly.
  @Test func marksStandWhereTheirNumbersAre() {
    let points = [(0.0, 1.0), (10.0, 2.0), (20.0, 4.0)].map { LinePicture.Point(x: $0, Mark($1, tip: "\($1)")) }
    let panel = LinePicture.Panel(title: "", axis: "step", lines: [.init(name: "a", color: Picture.color(0), points: points)])
    let svg = LinePicture(title: "t", panels: [panel], format: .figure, hasLegend: false).svg
    let (x, y) = (values("cx", of: "circle", in: svg), values("cy", of: "circle", in: svg))
    #expect(x.count == 3 && abs((x[2] - x[1]) - (x[1] - x[0])) < 0.2)
    let zero = Picture.Format.figure.panelHeight - 40 + 0
    #expect(abs((zero - y[1]) - 2 * (zero - y[0])) < 0.3 && abs((zero - y[2]) - 4 * (zero - y[0])) < 0.4, "\(y)")
  }

  @Test func errorsAreWhiskersOrBands() {
    let points = [(0.0, 1.0), (1.0, 2.0)].map { LinePicture.Point(x: $0, Mark($1, error: 0.5)) }
    var panel = LinePicture.Panel(title: "", axis: "", lines: [.init(name: "a", color: Picture.color(0), points: points)])
    #expect(count("<polygon", in: LinePicture(title: "t", panels: [panel]).svg) == 1)
    panel.hasWhiskers = true
    let svg = LinePicture(title: "t", panels: [panel]).svg
    #expect(count("<polygon", in: svg) == 0 && count("class=\"whisker thin", in: svg) == 2)
  }

  @Test func barsAreAsLongAsTheirNumbers() {
    func part(_ value: Double, _ color: Int) -> BarPicture.Part { .init(value, color: Picture.color(color), tip: "<\(value)>") }
    let bars = [
      BarPicture.Bar(name: "rank 0", parts: [part(3, 0), part(1, 1)], mark: 2, label: "4"),
      BarPicture.Bar(name: "rank <1>", parts: [part(2, 0), part(.nan, 1), part(-1, 1), part(.infinity, 2)], label: "?"),
    ]
    let svg = BarPicture(title: "t", axis: "ms", bars: bars).picture.embedded(id: "b")
    let widths = values("width", of: "rect class=\"bar", in: svg)
    #expect(widths.count == 3 && abs(widths[0] - 3 * widths[1]) < 0.3)
    #expect(svg.contains("<title>&lt;3.0&gt;</title>") && svg.contains("rank &lt;1&gt;") && count("class=\"pin", in: svg) == 1)
  }

  @Test func aMapShowsWhatIsANumber() {
    let points = [(0.0, 0.0), (1, 1), (.nan, 0), (1e300, 0), (0.5, 0.25)].enumerated().map {
      MapPicture.Point(x: $1.0, y: $1.1, group: $0, tip: "\"<\($0)>\"")
    }
    let svg = MapPicture(title: "t", words: "w", axes: ("a<b", "c"), points: points).picture.embedded(id: "m")
    #expect(count(" place\"", in: svg) == 3 && svg.contains("&quot;&lt;4&gt;&quot;") && svg.contains(">a&lt;b</text>"))
    #expect(Set((0..<5).map { "\(MapPicture.shape($0))" }).count == 5)
  }

  @Test func aLongNameIsCutToItsRoom() {
    let panel = DotPicture.Panel(
      title: "", groups: ["a very long name of a scene that has no room", "b"], values: [[Mark(1)], [nil]])
    let svg = DotPicture(title: "t", series: [.init(.init(name: "s", color: Picture.color(0)))], panels: [panel], format: .figure)
      .svg
    #expect(
      svg.contains("a very long") && svg.contains("…</text>")
        && !svg.contains(">a very long name of a scene that has no room</text>"))
  }

  /// 3 to 1 against the page, for light and for dark.
  @Test func colorsCanBeSeen() {
    for (colors, page) in [(Picture.colors.light, 0.97), (Picture.colors.dark, 0.006)] {
      for color in colors {
        let light = luminance(color)
        #expect((max(light, page) + 0.05) / (min(light, page) + 0.05) >= 3, "\(color)")
      }
    }
  }

  private func luminance(_ color: String) -> Double {
    let value = Int(color.dropFirst(), radix: 16) ?? 0
    let parts = [value >> 16, value >> 8 & 255, value & 255].map { part -> Double in
      let share = Double(part) / 255
      return share <= 0.03928 ? share / 12.92 : power((share + 0.055) / 1.055)
    }
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
  }

  /// x to the power of 2.4: the fifth root of its twelfth power, by Newton's steps.
  private func power(_ x: Double) -> Double {
    let wanted = (0..<12).reduce(1.0) { result, _ in result * x }
    var root = 1.0
    for _ in 0..<200 { root -= (root * root * root * root * root - wanted) / (5 * root * root * root * root) }
    return root
  }
}
