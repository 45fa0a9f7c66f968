import Files

/// Runs beside each other, with the differences to the first.
struct ComparisonSection {
  private let comparison: RunComparison

  init(_ comparison: RunComparison) { self.comparison = comparison }

  var section: Section {
    var content = comparison.warnings.map { Html(.p, [.style("warning")], text: "Warning: \($0).") }
    content.append(training)
    for table in comparison.tables where table.rows.contains(where: { $0.cells.compactMap { $0 }.count > 1 }) {
      let rows = table.rows.filter { $0.group == .all }
      content.append(self.table(table, rows, "all users"))
      let others = table.rows.filter { row in row.group != .all && row.cells.compactMap { $0 }.count > 1 }
      if !others.isEmpty {
        content.append(
          .folded("Groups of users, \(table.entry.phase), \(table.entry.split)", [self.table(table, others, "by group")]))
      }
    }
    if comparison.tables.isEmpty {
      content.append(.missing("No run has an evaluation.json yet."))
    } else {
      content.append(
        Html(.p, [.style("note")], text: RunComparison.errorNote + " Differences beyond their 95 % interval are in bold."))
    }
    return Section(id: "comparison", title: "Comparison", content: content)
  }

  private func table(_ table: RunComparison.Table, _ rows: [RunComparison.Row], _ what: String) -> Html {
    let heads: [Html] =
      [.text("metric")]
      + comparison.runs.flatMap { run -> [Html] in
        run.index == 0 ? [.name(run.name)] : [.name(run.name), .text("difference")]
      }
    let body = rows.map { row in
      DataTable.Row(
        row.group == .all ? .text(row.metric) : .all([.name(row.group.name), .text(", \(row.metric)")]),
        row.cells.enumerated().flatMap { index, cell -> [DataTable.Cell] in
          let own = DataTable.Cell.estimate(cell?.value, cell?.error)
          return index == 0 ? [own] : [own, .computed(Self.difference(cell?.difference))]
        })
    }
    return DataTable("\(table.entry.phase), \(table.entry.split), \(what)", heads: heads, rows: body).html
  }

  private static func difference(_ difference: RunComparison.Difference?) -> Html {
    guard let difference else { return .text("–") }
    let value = HumanFormat.decimal(difference.value, 4)
    let text =
      (value.hasPrefix("-") ? "−" + value.dropFirst() : "+" + value)
      + (difference.error.map { " ± " + HumanFormat.decimal($0, 4) } ?? "")
    return Html(difference.isBeyondError == true ? .strong : .span, [.style("n")], text: text)
  }

  private var training: Html {
    let rows = comparison.training.flatMap { phase in
      zip(comparison.runs, phase.runs).compactMap { run, own -> DataTable.Row? in
        guard let own, own.isBegun else { return nil }
        return DataTable.Row(
          .all([.swatch(run.entry, hasLine: false), .text(" "), .name(run.name), .text(", "), .name(phase.phase)]),
          [
            .computed(HumanFormat.count(own.step)), .count(own.resultStep), .text(own.metric ?? "–"),
            .number(own.result, decimals: 4),
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
