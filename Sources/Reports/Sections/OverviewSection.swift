import Datasets
import Files
import Foundation
import Reporting
import Runs

/// What the runs are, what became of them, and each phase's result.
struct OverviewSection {
  private let runs: [ReportedRun]

  init(_ runs: [ReportedRun]) { self.runs = runs }

  var section: Section {
    Section(id: "overview", title: "Overview", content: [Html(.div, [.style(runs.count > 1 ? "stack" : "")], runs.map(card))])
  }

  private func card(_ run: ReportedRun) -> Html {
    let title = Html(
      .h3, [],
      [
        .swatch(run.entry, hasLine: false), .text(" "), .name(run.name),
        Html(.span, [.style("state \(Self.style(run.state))")], text: run.state.word),
      ])
    return Html(.div, [.style(runs.count > 1 ? "card \(run.group)" : "card")], [title, tiles(run), facts(run), phases(run)])
  }

  /// The numbers that are looked for first.
  private func tiles(_ run: ReportedRun) -> Html {
    let evaluation = run.evaluation
    let tiles = RunComparison.union([evaluation.entries.map(\.phase)]).compactMap { phase -> Html? in
      guard let entry = evaluation.shown(phase: phase).first, let metric = evaluation.mainMetrics(entry).first,
        let value = evaluation.value(entry, .model, .all, metric)
      else { return nil }
      let error = evaluation.error(entry, .model, .all, metric)
      let behind = error.map { [Html.text(" ± "), .number($0, shown: $0.rounded(4))] } ?? []
      return Html(
        .div, [.style("tile")],
        [
          Html(.strong, [], [.number(value, shown: value.rounded(4)), Html(.span, [.style("error")], behind)]),
          Html(.span, [], [.text("\(metric), "), .name(phase), .text(", \(entry.split)")]),
        ])
    }
    return tiles.isEmpty ? .nothing : Html(.div, [.style("tiles")], tiles)
  }

  private func facts(_ run: ReportedRun) -> Html {
    var facts: [(String, Html)] = [("folder", Html(.code, text: run.path))]
    if case .failed(let cause) = run.state { facts.append(("why it failed", .text(printable(cause)))) }
    facts.append(("when", .text(when(run))))
    if run.history.unreadable > 0 {
      facts.append(("damaged", .text("\(HumanFormat.count(run.history.unreadable, "line")) of metrics.jsonl cannot be read")))
    }
    facts.append(("data set", dataset(run)))
    if let from = run.record.from { facts.append(("began with", origin(run, from.checkpoint))) }
    if let begin = run.phases.compactMap({ $0.history?.begins.last }).first { facts.append(("trained by", job(run, begin))) }
    return Html(.dl, [.style("facts")], facts.flatMap { [Html(.dt, text: $0.0), Html(.dd, [], [$0.1])] })
  }

  private func when(_ run: ReportedRun) -> String {
    func text(_ seconds: Double) -> String { ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: seconds)) }
    let first = run.phases.compactMap { $0.history?.begins.first?.time }.min()
    if let first, let last = run.history.lastTime, (0...1e11).contains(first), (0...1e11).contains(last) {
      return "\(text(first)) to \(text(last)) (\(HumanFormat.duration(seconds: last - first)))"
    }
    return run.lastChange.map { "metrics.jsonl last changed \(text($0.timeIntervalSince1970))" } ?? "nothing is logged yet"
  }

  private func dataset(_ run: ReportedRun) -> Html {
    let name = Html(.code, text: run.record.dataset)
    guard let dataset = run.dataset else {
      return .all([name, .text(", checksum \(run.record.checksum). \(run.missingDataset ?? "")")])
    }
    let file = "\(CanonicalPath(dataset.path).text)/\(DatasetManifest.fileName)"
    let counts = [("users", dataset.manifest.users), ("items", dataset.manifest.items), ("events", dataset.manifest.events)]
    let numbers = counts.flatMap { name, value -> [Html] in
      let number = RecordedNumber(run: run.index, file: file, path: [name], value: .int(value))
      return [.text(", "), number.map { .number($0, shown: $0.count) } ?? .text("–"), .text(" \(name)")]
    }
    return .all([name] + numbers + [.text(", split \(dataset.manifest.preparation.split)")])
  }

  private func origin(_ run: ReportedRun, _ checkpoint: String) -> Html {
    let counts = run.history.origin.map { entry in
      [
        ("known_items", "known", entry.record.knownItems), ("new_items", "new", entry.record.newItems),
        ("gone_items", "gone", entry.record.goneItems),
      ].flatMap { key, word, value -> [Html] in
        run.number(entry.line, [key], value).map { [.text(", "), .number($0, shown: $0.count), .text(" \(word)")] } ?? []
      } + [.text(" items")]
    }
    return .all([Html(.code, text: checkpoint)] + (counts ?? []))
  }

  private func job(_ run: ReportedRun, _ begin: RunHistory.Entry<BeginRecord>) -> Html {
    let numbers: [(key: String, value: Int, noun: String)] = [
      ("ranks", begin.record.ranks, "rank"), ("parameters", begin.record.parameters, "parameter"),
      ("users", begin.record.users, "user"),
    ]
    let texts = numbers.flatMap { key, value, noun -> [Html] in
      run.number(begin.line, [key], value).map { [.number($0, shown: $0.count), .text(" \(noun)\(value == 1 ? "" : "s"), ")] }
        ?? []
    }
    return .all(texts + [.text(begin.record.precision)])
  }

  private func phases(_ run: ReportedRun) -> Html {
    let rows = run.phases.map { phase -> DataTable.Row in
      let gain = phase.result.flatMap { result in phase.start.map { result.value - $0.value } }
      return DataTable.Row(
        .name(phase.name),
        [
          .text(Self.state(phase, isRunning: run.state.isRunning && run.history.currentPhase == phase.name)),
          .text(phase.metric ?? "–"), .number(phase.result, decimals: 4), .number(phase.start, decimals: 4),
          .computed(gain.map { ($0 < 0 ? "" : "+") + HumanFormat.decimal($0, 4) }), .count(phase.resultStep),
          phase.steps == nil && phase.isBegun ? .computed(HumanFormat.count(phase.step)) : .count(phase.steps),
          .number(phase.epoch, decimals: 2),
        ])
    }
    return DataTable(
      "Each phase's result: its best checkpoint by the validation metric",
      heads: ["phase", "state", "chosen by", "value", "at the start", "gained", "at step", "of", "epochs"], rows: rows
    ).html
  }

  private static func style(_ state: RunState) -> String {
    switch state {
    case .running: "state-running"
    case .finished, .partlyTrained: "state-finished"
    case .failed: "state-failed"
    case .stopped, .empty: "state-stopped"
    }
  }

  private static func state(_ phase: ReportedPhase, isRunning: Bool) -> String {
    if phase.state.isOver && phase.resultStep?.value == 0 { return "nothing was learned" }
    return switch phase.state {
    case .finished: "finished"
    case .endedEarly: "ended early by patience"
    case .empty where !phase.isBegun: "not trained"
    case .begun, .empty: "\(isRunning ? "running" : "stopped") at step \(HumanFormat.count(phase.step))"
    }
  }
}
