import Files
import Pictures
import Reporting

/// How the experts share out the items, while training and at the end of each phase.
struct ExpertsSection {
  private let runs: [ReportedRun]

  init(_ runs: [ReportedRun]) { self.runs = runs }

  var section: Section? {
    let content = runs.flatMap { run -> [Html] in
      let phases = run.history.phases.enumerated().flatMap { number, phase in
        self.phase(phase, run, id: "experts-\(run.index)-\(number)")
      }
      guard !phases.isEmpty, runs.count > 1 else { return phases }
      return [Html(.div, [.style(run.group)], [Html(.h3, [], [.name(run.name)])] + phases)]
    }
    guard !content.isEmpty else { return nil }
    let note = Html(
      .p, [.style("note")],
      text:
        "Load is an expert's share of the routed slots; even shares are best. An expert without load is dead, and one that has it "
        + "all stands for all others.")
    return Section(id: "experts", title: "Experts", content: [note] + content)
  }

  private func phase(_ phase: RunHistory.Phase, _ run: ReportedRun, id: String) -> [Html] {
    let loads = CurvesSection.thinned(phase.steps.filter { $0.record.expertLoad != nil })
    let count = min(64, loads.map { $0.record.expertLoad?.count ?? 0 }.max() ?? 0)
    guard count > 0 || phase.mixture != nil else { return [] }
    var content = [Html(runs.count > 1 ? .h4 : .h3, [], [.name(phase.name)])]
    let curve = count > 0 ? [figure(loads, count, run, phase.name, id: id)] : []
    let end = phase.mixture.map { [Html(.div, [], self.end($0, run, phase.name))] } ?? []
    content.append(.grid(curve + end))
    return content
  }

  private func figure(
    _ loads: [RunHistory.Entry<StepRecord>], _ count: Int, _ run: ReportedRun, _ phase: String, id: String
  ) -> Html {
    let lines = (0..<count).map { expert in
      LinePicture.Line(
        name: "expert \(expert)", color: Picture.color(expert), dash: expert < 8 ? nil : Picture.dashes[(expert / 8 - 1) % 3],
        points: loads.compactMap { entry in
          guard let load = entry.record.expertLoad, load.indices.contains(expert) else { return nil }
          let tip =
            "expert \(expert), step \(HumanFormat.count(entry.record.step)): \(HumanFormat.decimal(100 * load[expert], 1)) %"
          return LinePicture.Point(x: Double(entry.record.step), Mark(load[expert], tip: tip))
        })
    }
    let panel = LinePicture.Panel(title: "", axis: "step", lines: lines)
    let picture = LinePicture(
      title: "Load of experts, \(phase)", of: "share of the routed slots", panels: [panel], format: .figure, hasLegend: false
    ).picture
    let rows = loads.map { entry in
      DataTable.Row(
        run.number(entry.line, ["step"], entry.record.step).map { .number($0, shown: $0.count) } ?? .text("–"),
        (0..<count).map { expert in
          let load = entry.record.expertLoad ?? []
          return .number(
            run.number(entry.line, ["expert_load", "\(expert)"], load.indices.contains(expert) ? load[expert] : nil), decimals: 4)
        })
    }
    let table = DataTable(
      "\(run.name), \(phase), share of the routed slots", heads: ["step"] + (0..<count).map { "expert \($0)" }, rows: rows
    ).html
    return Figure(
      id: id, title: "Load", note: "share of the routed slots, by step", picture: picture,
      legend: lines.map { Figure.Entry(entry: $0.entry, isLine: true) }, numbers: [table]
    ).html
  }

  private func end(_ mixture: RunHistory.Entry<MixtureRecord>, _ run: ReportedRun, _ phase: String) -> [Html] {
    let record = mixture.record
    let entropy = run.number(mixture.line, ["gate_entropy"], record.gateEntropy)
    let limit = run.number(mixture.line, ["gate_entropy_limit"], record.gateEntropyLimit)
    let items = run.number(mixture.line, ["items_with_text"], record.itemsWithText)
    let rows = record.expertLoad.prefix(256).enumerated().map { expert, load in
      let words = record.expertWords.indices.contains(expert) ? record.expertWords[expert] : []
      return DataTable.Row(
        .text("expert \(expert)"),
        [
          .number(run.number(mixture.line, ["expert_load", "\(expert)"], load), decimals: 4),
          .words(words.isEmpty ? .text("–") : .name(words.joined(separator: ", "))),
        ])
    }
    func shown(_ number: RecordedNumber?, _ decimals: Int) -> Html {
      number.map { .number($0, shown: $0.rounded(decimals)) } ?? .text("–")
    }
    return [
      DataTable("At the end, over all items with text", heads: ["expert", "load", "words that mark it"], rows: rows).html,
      Html(
        .p, [.style("note")],
        [
          .text("Entropy of the gate: "), shown(entropy, 3), .text(" of at most "), shown(limit, 3), .text(" nats, over "),
          items.map { .number($0, shown: $0.count) } ?? .text("–"), .text(" items with text."),
        ]),
    ]
  }
}
