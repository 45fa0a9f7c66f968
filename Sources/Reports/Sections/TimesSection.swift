import Files
import Pictures
import Reporting

/// Where the time of training went: parts of a step by rank, waiting, evaluations and checkpoints.
struct TimesSection {
  /// The most ranks that are drawn, and that the table has.
  private static let (mostRanks, mostRows) = (32, 1_024)
  /// The most parts that have a color of their own.
  private static let mostParts = 8

  private let runs: [ReportedRun]

  init(_ runs: [ReportedRun]) { self.runs = runs }

  var section: Section? {
    let phases = runs.flatMap { run in run.history.phases.enumerated().map { (run, $0, $1) } }
    let ranks = phases.flatMap { run, number, phase in self.ranks(run, phase, id: "times-\(run.index)-\(number)") }
    let waiting = RunComparison.union(runs.map { $0.history.phases.map(\.name) }).enumerated().compactMap { number, name in
      self.waiting(name, id: "waiting-\(number)")
    }
    let sums = phases.compactMap { run, _, phase in self.sums(run, phase) }
    guard !ranks.isEmpty || !waiting.isEmpty || !sums.isEmpty else { return nil }
    var content: [Html] = ranks.isEmpty ? [] : [.grid(ranks)]
    if ranks.isEmpty { content.append(.missing("These runs have no times by rank, which earlier versions did not log.")) }
    if !waiting.isEmpty { content.append(.grid(waiting)) }
    if !sums.isEmpty {
      content.append(
        DataTable(
          "Time beside the steps, sums over the phase",
          heads: ["run, phase", "evaluations", "seconds", "checkpoints", "seconds of standing still"], rows: sums
        ).html)
    }
    return Section(id: "times", title: "Time", content: content)
  }

  private func ranks(_ run: ReportedRun, _ phase: RunHistory.Phase, id: String) -> [Html] {
    guard let entry = phase.rankTimes.last else { return [] }
    let record = entry.record
    let order = record.parts.indices.sorted { sum(record, $0) > sum(record, $1) }
    // In the order of a step, so that phases and runs have the same colors.
    let shown = (order.count > Self.mostParts ? Array(order.prefix(Self.mostParts - 1)) : order).sorted()
    let rest = order.dropFirst(shown.count)
    let bars = record.rankMs.prefix(Self.mostRanks).enumerated().map { rank, times -> BarPicture.Bar in
      var parts = shown.enumerated().compactMap { color, part -> BarPicture.Part? in
        guard times.indices.contains(part) else { return nil }
        return BarPicture.Part(
          times[part], color: Picture.color(color), tip: "\(record.parts[part]) \(HumanFormat.decimal(times[part], 2)) ms")
      }
      let other = rest.reduce(0) { $0 + (times.indices.contains($1) ? times[$1] : 0) }
      if !rest.isEmpty { parts.append(.init(other, color: Picture.gray, tip: "other \(HumanFormat.decimal(other, 2)) ms")) }
      let wait = record.rankWaitMs.indices.contains(rank) ? record.rankWaitMs[rank] : nil
      return BarPicture.Bar(
        name: "rank \(rank)", parts: parts, mark: wait, label: HumanFormat.decimal(times.reduce(0, +), 2))
    }
    guard !bars.isEmpty else { return [] }
    let picture = BarPicture(title: "Time of a step by rank, \(phase.name)", axis: "milliseconds a step", bars: bars).picture
    var legend = shown.enumerated().map { color, part in
      Figure.Entry(entry: .init(name: record.parts[part], color: Picture.color(color), shape: .square))
    }
    if !rest.isEmpty { legend.append(.init(entry: .init(name: "other", color: Picture.gray, shape: .square))) }
    let more = record.rankMs.count > Self.mostRanks ? "; the first \(Self.mostRanks) of \(record.rankMs.count) ranks" : ""
    let figure = Figure(
      id: id, title: "A step by rank",
      note:
        "\(runs.count > 1 ? "\(run.name), " : "")\(phase.name), mean of \(HumanFormat.count(record.timedSteps, "step")) up to step "
        + "\(HumanFormat.count(record.step)); the pin is how much of it was waiting\(more)",
      picture: picture, legend: legend, numbers: [table(run, entry)])
    return [Html(.div, [.style(runs.count > 1 ? run.group : "")], [figure.html])]
  }

  private func sum(_ record: RankTimesRecord, _ part: Int) -> Double {
    record.rankMs.reduce(0) { $0 + ($1.indices.contains(part) ? $1[part] : 0) }
  }

  private func table(_ run: ReportedRun, _ entry: RunHistory.Entry<RankTimesRecord>) -> Html {
    let record = entry.record
    let rows = record.rankMs.prefix(Self.mostRows).enumerated().map { rank, times in
      let wait = record.rankWaitMs.indices.contains(rank) ? record.rankWaitMs[rank] : nil
      return DataTable.Row(
        .text("rank \(rank)"),
        record.parts.indices.map { part in
          .number(
            run.number(entry.line, ["rank_ms", "\(rank)", "\(part)"], times.indices.contains(part) ? times[part] : nil),
            decimals: 3)
        } + [.number(run.number(entry.line, ["rank_wait_ms", "\(rank)"], wait), decimals: 3)])
    }
    return DataTable(
      "\(run.name), \(record.phase), milliseconds a step",
      heads: [.text("rank")] + record.parts.map { .name($0) } + [.text("waiting")], rows: rows
    ).html
  }

  private func waiting(_ phase: String, id: String) -> Html? {
    let lines = runs.compactMap { run -> LinePicture.Line? in
      let entries = CurvesSection.thinned(run.history[phase: phase]?.steps ?? [])
      let points = entries.compactMap { entry in
        entry.record.commMs.map { value in
          LinePicture.Point(
            x: Double(entry.record.step),
            Mark(value, tip: "\(run.name), step \(HumanFormat.count(entry.record.step)): \(HumanFormat.decimal(value, 2)) ms"))
        }
      }
      return points.isEmpty ? nil : LinePicture.Line(name: run.name, color: run.color, group: run.group, points: points)
    }
    guard !lines.isEmpty else { return nil }
    let panel = LinePicture.Panel(title: "", axis: "step", lines: lines)
    let picture = LinePicture(
      title: "Waiting of rank 0, \(phase)", of: "milliseconds a step", panels: [panel], format: .figure, hasLegend: false
    ).picture
    let tables = runs.compactMap { run -> Html? in
      let entries = CurvesSection.thinned(run.history[phase: phase]?.steps.filter { $0.record.commMs != nil } ?? [])
      guard !entries.isEmpty else { return nil }
      let rows = entries.map { entry in
        DataTable.Row(
          run.number(entry.line, ["step"], entry.record.step).map { .number($0, shown: $0.count) } ?? .text("–"),
          [.number(run.number(entry.line, ["comm_ms"], entry.record.commMs), decimals: 3)])
      }
      return DataTable(
        "\(run.name), \(phase), milliseconds a step that rank 0 waited", heads: ["step", "waiting, ms"], rows: rows
      ).html
    }
    return Figure(
      id: id, title: "Waiting of rank 0", note: "\(phase), ms a step", picture: picture,
      legend: runs.count > 1 ? lines.map { Figure.Entry(entry: $0.entry, group: $0.group, isLine: true) } : [], numbers: tables
    ).html
  }

  private func sums(_ run: ReportedRun, _ phase: RunHistory.Phase) -> DataTable.Row? {
    guard !phase.evaluations.isEmpty || !phase.checkpoints.isEmpty else { return nil }
    let evaluations = phase.evaluations.reduce(0) { $0 + $1.record.seconds }
    let checkpoints = phase.checkpoints.reduce(0) { $0 + $1.record.checkpointMs } / 1_000
    return DataTable.Row(
      .all([.name(run.name), .text(", "), .name(phase.name)]),
      [
        .computed(HumanFormat.count(phase.evaluations.count)), .computed(HumanFormat.decimal(evaluations, 2)),
        .computed(HumanFormat.count(phase.checkpoints.count)), .computed(HumanFormat.decimal(checkpoints, 3)),
      ], group: runs.count > 1 ? run.group : nil)
  }
}
