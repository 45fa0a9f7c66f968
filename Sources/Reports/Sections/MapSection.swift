import Files
import Pictures

/// Where items stand by their embeddings, on the plane in which they spread most.
struct MapSection {
  private let runs: [ReportedRun]
  private let models: [ReportedModel]

  init(_ runs: [ReportedRun], _ models: [ReportedModel]) { (self.runs, self.models) = (runs, models) }

  var section: Section {
    let content = zip(runs, models).flatMap { run, model -> [Html] in
      let head = runs.count > 1 ? [Html(.h3, [], [.name(run.name)])] : []
      let own: [Html] =
        switch model {
        case .missing(let reason): [.missing(printable(reason))]
        case .facts(let facts): facts.map.map { map($0, run) } ?? [.missing("There are too few trained items for a map.")]
        }
      return runs.count > 1 ? [Html(.div, [.style(run.group)], head + own)] : own
    }
    return Section(id: "map", title: "Map of the items", content: content)
  }

  private func map(_ map: ItemMap, _ run: ReportedRun) -> [Html] {
    func percent(_ share: Double) -> String { HumanFormat.decimal(100 * share, 1) + "\u{A0}%" }
    let counts = map.groups.indices.map { group in map.items.count { $0.group == group } }
    let points = map.items.map { item in
      MapPicture.Point(
        x: item.x, y: item.y, group: item.group,
        tip: "\(item.title.isEmpty ? item.id : item.title) (\(item.id)), \(HumanFormat.count(item.trainEvents, "training event"))"
      )
    }
    let groups = zip(map.groups, counts).map { "\($0) \($1)" }.joined(separator: ", ")
    let picture = MapPicture(
      title: "Items of \(run.name) by their embeddings",
      words:
        "\(HumanFormat.count(map.items.count, "item")) on their first two principal axes, which have \(percent(map.shares.x)) and "
        + "\(percent(map.shares.y)) of the variance. By scene: \(groups).",
      axes: ("first axis, \(percent(map.shares.x)) of the variance", "second axis, \(percent(map.shares.y))"), points: points
    ).picture
    let sample = map.items.count < map.trained ? ", a sample of \(HumanFormat.count(map.trained))" : ""
    let rows = zip(map.groups, counts).map { name, count in DataTable.Row(.name(name), [.computed(HumanFormat.count(count))]) }
    let figure = Figure(
      id: "map-\(run.index)", title: "Items by their embeddings",
      note: "\(HumanFormat.count(map.items.count, "trained item"))\(sample), by the \(map.phase) phase; colored by scene",
      picture: picture,
      legend: map.groups.enumerated().map { number, name in
        Figure.Entry(entry: .init(name: name, color: Picture.color(number), shape: MapPicture.shape(number)))
      },
      numbers: [DataTable("Items on the map", heads: ["scene", "items"], rows: rows).html])
    let note = Html(
      .p, [.style("note")],
      text: "Principal component analysis: the two directions in which the embeddings spread most, \(percent(map.shares.x)) and "
        + "\(percent(map.shares.y)) of their variance. What is near on the map need not be near in all dimensions. A pointer over an item shows its title."
    )
    return [figure.html, note]
  }
}
