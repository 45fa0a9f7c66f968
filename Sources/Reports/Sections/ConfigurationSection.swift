import Files

/// The settings that are not the usual ones, and where runs differ.
struct ConfigurationSection {
  private let runs: [ReportedRun]
  private let comparison: RunComparison

  init(_ runs: [ReportedRun], _ comparison: RunComparison) { (self.runs, self.comparison) = (runs, comparison) }

  var section: Section {
    var content: [Html] = []
    if runs.count > 1 { content += differences }
    for run in runs {
      let table = changed(run)
      content.append(runs.count == 1 ? table : .folded("Keys of \(run.name) that differ from the defaults", [table]))
    }
    return Section(id: "configuration", title: "Configuration", content: content)
  }

  private var differences: [Html] {
    guard !comparison.configuration.isEmpty else { return [.paragraph("The configurations are the same.")] }
    let rows = comparison.configuration.map { key in
      DataTable.Row(Html(.code, text: key.key), key.values.map { .text($0 ?? "–") })
    }
    return [DataTable("Keys that the runs do not have alike", heads: ["key"] + runs.map(\.name), rows: rows).html]
  }

  private func changed(_ run: ReportedRun) -> Html {
    let keys = run.changedKeys
    guard !keys.isEmpty else { return .paragraph("Every key has its default.") }
    let rows = keys.map { key in
      DataTable.Row(Html(.code, text: key.key), [.text(key.value), .text(key.usual ?? "–")])
    }
    return DataTable("Keys that differ from their defaults", heads: ["key", "value", "default"], rows: rows).html
  }
}

/// Runs beside each other, with the differences to the first.
struct ComparisonSection {
  private let comparison: RunComparison

  init(_ comparison: RunComparison) { self.comparison = comparison }

  var section: Section {
    var content = comparison.warnings.map { Html(.p, [.style("warning")], text: "Warning: \($0).") }
    content.append(training)
    for table in comparison.tables {
      let rows = table.rows.filter { $0.group == .all }
      content.append(self.table(table, rows, "all users"))
      let others = table.rows.filter { $0.group != .all }
      if !others.isEmpty { content.append(.folded("Groups of users, \(table.entry.phase), \(table.entry.split)", [self.table(table, others, "by group")])) }
    }
    if comparison.tables.isEmpty {
      content.append(.missing("No run has an evaluation.json yet."))
    } else {
      content.append(Html(.p, [.style("note")], text: RunComparison.errorNote + " Differences beyond their 95 % interval are in bold."))
    }
    return Section(id: "comparison", title: "Comparison", content: content)
  }

  private func table(_ table: RunComparison.Table, _ rows: [RunComparison.Row], _ what: String) -> Html {
    let heads: [Html] =
      [.text("users, metric")]
      + comparison.runs.flatMap { run -> [Html] in
        run.index == 0 ? [.name(run.name)] : [.name(run.name), .text("difference")]
      }
    let body = rows.map { row in
      DataTable.Row(
        .all([.name(row.group.name), .text(", \(row.metric)")]),
        row.cells.enumerated().flatMap { index, cell -> [DataTable.Cell] in
          let own = DataTable.Cell.estimate(cell?.value, cell?.error)
          return index == 0 ? [own] : [own, .words(Self.difference(cell?.difference))]
        })
    }
    return DataTable("\(table.entry.phase), \(table.entry.split), \(what)", heads: heads, rows: body).html
  }

  private static func difference(_ difference: RunComparison.Difference?) -> Html {
    guard let difference else { return .text("–") }
    let value = HumanFormat.decimal(difference.value, 4)
    let text = (value.hasPrefix("-") ? "−" + value.dropFirst() : "+" + value) + (difference.error.map { " ± " + HumanFormat.decimal($0, 4) } ?? "")
    return Html(difference.isBeyondError == true ? .strong : .span, [.style("n")], text: text)
  }

  private var training: Html {
    let rows = comparison.training.flatMap { phase in
      zip(comparison.runs, phase.runs).compactMap { run, own -> DataTable.Row? in
        guard let own else { return nil }
        return DataTable.Row(
          .all([.swatch(run.entry, hasLine: false), .text(" "), .name(run.name), .text(", "), .name(phase.phase)]),
          [
            .computed(HumanFormat.count(own.step)), .count(own.resultStep), .text(own.metric ?? "–"), .number(own.result, decimals: 4),
            .number(own.loss, decimals: 4), .computed(own.speed.map(HumanFormat.rate)),
            .computed(own.wallSeconds.map { HumanFormat.duration(seconds: $0) }),
          ], group: run.group)
      }
    }
    return DataTable(
      "Training; positions a second are a median over the logged steps, time includes pauses",
      heads: ["run, phase", "steps", "result's step", "chosen by", "value", "last loss", "positions/s", "time"], rows: rows
    ).html
  }
}
