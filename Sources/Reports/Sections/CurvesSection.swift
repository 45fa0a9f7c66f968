import Files
import Pictures
import Reporting

/// How training went: loss, validation metric, learning rate and speed, by step.
struct CurvesSection {
  /// The most points of a line and rows of a table; of more, evenly chosen ones.
  static let mostPoints = 200

  private let runs: [ReportedRun]

  init(_ runs: [ReportedRun]) { self.runs = runs }

  /// What a picture shows of a logged step.
  private struct Quantity: Sendable {
    let name: String
    let title: String
    let key: String
    let decimals: Int
    let includesZero: Bool
    let value: @Sendable (StepRecord) -> Double?
  }

  private static let quantities = [
    Quantity(name: "loss", title: "Loss", key: "loss", decimals: 4, includesZero: false) { $0.loss },
    Quantity(name: "rate", title: "Learning rate", key: "learning_rate", decimals: 6, includesZero: true) { $0.learningRate },
    Quantity(name: "speed", title: "Positions trained a second", key: "positions_per_s", decimals: 0, includesZero: true) {
      $0.positionsPerS
    },
  ]

  var section: Section {
    let phases = RunComparison.union(runs.map { $0.history.phases.map(\.name) })
    let content = phases.enumerated().flatMap { phase($1, number: $0) }
    let note = Html(
      .p, [.style("note")],
      text:
        "Validation metrics while training are those of the model alone, before any blend. Loss and speed are means over the steps "
        + "since the last logged one.")
    return Section(
      id: "curves", title: "Learning curves", content: content.isEmpty ? [.missing("Nothing is logged yet.")] : [note] + content)
  }

  /// Evenly chosen elements, with the first and the last.
  static func thinned<Element>(_ elements: [Element], most: Int = mostPoints) -> [Element] {
    guard elements.count > most, most > 1 else { return elements }
    return (0..<most).map { elements[$0 * (elements.count - 1) / (most - 1)] }
  }

  private func phase(_ name: String, number: Int) -> [Html] {
    let own = runs.compactMap { run in run.history[phase: name].map { (run, $0) } }
    var figures = Self.quantities.compactMap { figure($0, own, id: "curves-\(number)") }
    if let validation = validation(name, own, id: "curves-\(number)-validation") {
      figures.insert(validation, at: min(1, figures.count))
    }
    guard !figures.isEmpty else { return [] }
    let legend = runs.count > 1 ? own.map { Figure.Entry(entry: $0.0.entry, group: $0.0.group, isLine: true) } : []
    let tables = own.flatMap { run, phase in [steps(run, phase), evaluations(run, phase)].compactMap { $0 } }
    return [Html(.h3, [], [.name(name)]), .grid(figures), .legend(legend), .folded("Numbers", tables)]
  }

  private func figure(_ quantity: Quantity, _ own: [(ReportedRun, RunHistory.Phase)], id: String) -> Html? {
    let lines = own.compactMap { run, phase -> LinePicture.Line? in
      let points = Self.thinned(phase.steps).compactMap { entry in
        quantity.value(entry.record).map { value in
          LinePicture.Point(
            x: Double(entry.record.step),
            Mark(value, tip: "\(run.name), step \(HumanFormat.count(entry.record.step)): \(Self.text(value, quantity.decimals))"))
        }
      }
      return points.isEmpty ? nil : LinePicture.Line(name: run.name, color: run.color, group: run.group, points: points)
    }
    guard !lines.isEmpty else { return nil }
    var panel = LinePicture.Panel(title: "", axis: "step", lines: lines)
    panel.includesZero = quantity.includesZero
    let picture = LinePicture(title: quantity.title, of: quantity.key, panels: [panel], format: .figure, hasLegend: false).picture
    return Figure(
      id: "\(id)-\(quantity.name)", title: quantity.title, note: quantity.key == "loss" ? "nats" : "", picture: picture
    ).html
  }

  private static func text(_ value: Double, _ decimals: Int) -> String {
    decimals == 0 ? HumanFormat.rate(value) : HumanFormat.decimal(value, decimals)
  }

  private func validation(_ name: String, _ own: [(ReportedRun, RunHistory.Phase)], id: String) -> Html? {
    let metrics = RunComparison.union([own.compactMap { run, _ in run.phases.first { $0.name == name }?.metric }])
    guard let metric = metrics.first else { return nil }
    var (lines, rings) = ([LinePicture.Line](), [(color: String, group: String?, x: Double, y: Double, tip: String)]())
    for (run, phase) in own {
      let points = Self.thinned(phase.evaluations).compactMap { entry in
        entry.record.mean(metric).map { value in
          LinePicture.Point(
            x: Double(entry.record.step),
            Mark(value, tip: "\(run.name), \(Self.when(entry.record.step, name, run)): \(HumanFormat.decimal(value, 4))"))
        }
      }
      guard !points.isEmpty else { continue }
      lines.append(LinePicture.Line(name: run.name, color: run.color, group: run.group, points: points))
      guard let best = phase.best(metric), let value = best.record.mean(metric) else { continue }
      rings.append(
        (
          run.color, run.group, Double(best.record.step), value,
          "\(run.name), best: \(Self.when(best.record.step, name, run)): \(HumanFormat.decimal(value, 4))"
        ))
    }
    guard !lines.isEmpty else { return nil }
    var panel = LinePicture.Panel(title: "", axis: "step", lines: lines)
    (panel.rings, panel.includesZero) = (rings, false)
    let picture = LinePicture(title: "\(metric), validation", of: metric, panels: [panel], format: .figure, hasLegend: false)
      .picture
    return Figure(id: id, title: metric, note: "validation; ring: the best", picture: picture).html
  }

  /// A step, and its epoch where the log says how long one is.
  private static func when(_ step: Int, _ phase: String, _ run: ReportedRun) -> String {
    "step \(HumanFormat.count(step))" + (epoch(step, phase, run).map { ", epoch \($0)" } ?? "")
  }

  private static func epoch(_ step: Int, _ phase: String, _ run: ReportedRun) -> String? {
    (run.phases.first { $0.name == phase }?.stepsPerEpoch).map { HumanFormat.decimal(Double(step) / $0, 2) }
  }

  private func steps(_ run: ReportedRun, _ phase: RunHistory.Phase) -> Html? {
    let entries = Self.thinned(phase.steps)
    guard !entries.isEmpty else { return nil }
    let rows = entries.map { entry in
      DataTable.Row(
        run.number(entry.line, ["step"], entry.record.step).map { .number($0, shown: $0.count) } ?? .text("–"),
        Self.quantities.map { quantity in
          let number = run.number(entry.line, [quantity.key], quantity.value(entry.record))
          return quantity.decimals == 0 ? .count(number) : .number(number, decimals: quantity.decimals)
        } + [
          .number(run.number(entry.line, ["grad_norm"], entry.record.gradNorm), decimals: 3),
          .number(run.number(entry.line, ["step_ms"], entry.record.stepMs), decimals: 2),
        ])
    }
    let all =
      entries.count < phase.steps.count ? ", \(entries.count) of \(HumanFormat.count(phase.steps.count)) logged steps" : ""
    return DataTable(
      "\(run.name), \(phase.name)\(all)", heads: ["step"] + Self.quantities.map(\.title) + ["gradient norm", "ms a step"],
      rows: rows
    ).html
  }

  private func evaluations(_ run: ReportedRun, _ phase: RunHistory.Phase) -> Html? {
    let entries = Self.thinned(phase.evaluations)
    let metrics = RunComparison.union(entries.map { $0.record.means.map(\.name) })
    guard !entries.isEmpty, !metrics.isEmpty else { return nil }
    let rows = entries.map { entry in
      DataTable.Row(
        run.number(entry.line, ["step"], entry.record.step).map { .number($0, shown: $0.count) } ?? .text("–"),
        [.computed(Self.epoch(entry.record.step, phase.name, run))]
          + metrics.map { .number(run.number(entry.line, [$0], entry.record.mean($0)), decimals: 4) })
    }
    return DataTable("\(run.name), \(phase.name), evaluations", heads: ["step", "epoch"] + metrics, rows: rows).html
  }
}
