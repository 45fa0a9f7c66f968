import Config
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
    let keys = run.config.changedKeys
    guard !keys.isEmpty else { return .paragraph("Every key has its default.") }
    let rows = keys.map { key in
      DataTable.Row(Html(.code, text: key.key), [.text(key.value), .text(key.usual ?? "–")])
    }
    return DataTable("Keys that differ from their defaults", heads: ["key", "value", "default"], rows: rows).html
  }
}
