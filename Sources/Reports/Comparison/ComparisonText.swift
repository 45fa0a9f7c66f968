import Files
import Reporting
import Runs

/// A comparison of runs for a terminal: tables no wider than it is, where that is possible.
package struct ComparisonText {
  private let comparison: RunComparison
  private let width: Int
  private var letters: [String] { comparison.runs.indices.map { String(UnicodeScalar(UInt8(ascii: "A") + UInt8($0))) } }

  /// Takes what it says.
  ///
  /// - Parameter width: the terminal's columns.
  package init(_ comparison: RunComparison, width: Int) { (self.comparison, self.width) = (comparison, width) }

  /// A table of which every run has a column or more.
  private struct Grid {
    /// Heads of the columns that name a row.
    let names: [String]
    /// By row.
    let rows: [[String]]
    /// By run: heads, and cells by row.
    let blocks: [(heads: [String], rows: [[String]])]
  }

  /// Everything, line by line.
  package var lines: [String] {
    var lines = zip(letters, comparison.runs).map { letter, run in "\(letter)  \(printable(run.path)), \(run.state.word)" }
    lines += comparison.warnings.flatMap { ["", "warning: " + printable($0)] }
    lines += section("configuration, the keys that differ", configuration, otherwise: "the configurations are the same")
    lines += section("training", training, otherwise: nil)
    for table in comparison.tables {
      guard let shared = Self.shared(table) else {
        guard unevaluated.isEmpty else { continue }
        let own = zip(letters, comparison.runs.indices).filter { _, run in table.rows.contains { $0.cells[run] != nil } }.map(\.0)
        lines += [
          "", "\(printable(table.entry.phase)), \(printable(table.entry.split)): only \(own.joined(separator: ", ")) has it",
        ]
        continue
      }
      let kinds = RunComparison.union([shared.map(\.group.kind)]).filter { $0 != .decile || comparison.hasAllMetrics }
      for kind in kinds {
        let same = table.entry.split.hasSuffix(".universal") ? ", the universal phase on the same users" : ""
        let what = same + (kind == .bucket ? "" : ", by \(Self.name(kind))")
        let rows = shared.filter { $0.group.kind == kind }
        lines += section("\(printable(table.entry.phase)), \(printable(table.entry.split))\(what)", metrics(rows), otherwise: nil)
      }
    }
    lines += unevaluated
    if comparison.tables.contains(where: { Self.shared($0) != nil }) {
      lines += [""] + wrapped(RunComparison.errorNote + " * marks a difference beyond its 95 % interval.")
    }
    return lines
  }

  /// The rows that at least two runs have; nil of none.
  private static func shared(_ table: RunComparison.Table) -> [RunComparison.Row]? {
    let rows = table.rows.filter { $0.cells.compactMap { $0 }.count > 1 }
    return rows.isEmpty ? nil : rows
  }

  private static func name(_ kind: EvaluationFile.Group.Kind) -> String {
    kind == .decile ? "tenth of the items, by training events" : kind.rawValue
  }

  private func section(_ title: String, _ grid: Grid, otherwise: String?) -> [String] {
    guard !grid.rows.isEmpty else { return otherwise.map { ["", $0] } ?? [] }
    return ["", title] + tables(grid)
  }

  /// As many runs side by side as there is room for, the rest below.
  private func tables(_ grid: Grid) -> [String] {
    var (lines, start) = ([String](), 0)
    while start < grid.blocks.count {
      var end = start + 1
      while end < grid.blocks.count, table(grid, start..<end + 1).allSatisfy({ TextTable.width($0) <= width }) { end += 1 }
      if start > 0 { lines.append("") }
      lines += table(grid, start..<end)
      start = end
    }
    return lines
  }

  private func table(_ grid: Grid, _ runs: Range<Int>) -> [String] {
    let blocks = grid.blocks[runs]
    var table = TextTable(grid.names.map { ($0, .left) } + blocks.flatMap { $0.heads.map { ($0, .right) } })
    for (row, names) in grid.rows.enumerated() { table.append(names + blocks.flatMap { $0.rows[row] }) }
    return table.lines
  }

  private var configuration: Grid {
    let keys = comparison.configuration
    return Grid(
      names: ["key"], rows: keys.map { [$0.key] },
      blocks: letters.enumerated().map { index, letter in ([letter], keys.map { [$0.values[index] ?? "-"] }) })
  }

  private func metrics(_ rows: [RunComparison.Row]) -> Grid {
    let groups = rows.enumerated().map { index, row in
      index > 0 && rows[index - 1].group == row.group ? "" : row.group.name
    }
    return Grid(
      names: ["users", "metric"], rows: zip(groups, rows).map { [$0, $1.metric] },
      blocks: letters.enumerated().map { index, letter in
        let heads = index == 0 ? [letter] : [letter, "\(letter) - A"]
        return (heads, rows.map { row in Self.cells(row.cells[index], isFirst: index == 0) })
      })
  }

  private static func cells(_ cell: RunComparison.Cell?, isFirst: Bool) -> [String] {
    guard let cell else { return isFirst ? ["-"] : ["-", ""] }
    let value = cell.value.rounded(4) + (cell.error.map { " ± " + $0.rounded(4) } ?? "")
    return isFirst ? [value] : [value, cell.difference.map(text) ?? ""]
  }

  /// The runs that have no metrics to compare, and what makes them.
  private var unevaluated: [String] {
    let missing = comparison.runs.filter { $0.evaluation.entries.isEmpty }.map { "precise evaluate \(shellWord($0.path))" }
    return missing.isEmpty ? [] : ["", "not evaluated yet: " + missing.joined(separator: "; ")]
  }

  private static func text(_ difference: RunComparison.Difference) -> String {
    let value = HumanFormat.decimal(difference.value, 4)
    let error = difference.error.map { " ± " + HumanFormat.decimal($0, 4) } ?? ""
    return (value.hasPrefix("-") ? "" : "+") + value + error + (difference.isBeyondError == true ? " *" : "  ")
  }

  private var training: Grid {
    let facts = comparison.training.flatMap { phase in
      Self.facts(phase).filter { fact in fact.values.contains { $0 != nil } }.map { (phase.phase, $0) }
    }
    return Grid(
      names: ["phase", ""],
      rows: facts.enumerated().map { index, fact in [index > 0 && facts[index - 1].0 == fact.0 ? "" : fact.0, fact.1.name] },
      blocks: letters.enumerated().map { index, letter in ([letter], facts.map { [$0.1.values[index] ?? "-"] }) })
  }

  /// What is said of a phase's training, by run.
  private static func facts(_ phase: PhaseComparison) -> [(name: String, values: [String?])] {
    func each(_ text: (PhaseComparison.Training) -> String?) -> [String?] { phase.runs.map { $0.flatMap(text) } }
    let metrics = RunComparison.union([phase.runs.compactMap { $0?.metric }])
    return [
      ("steps", each { $0.isBegun ? "\(HumanFormat.count($0.step))\($0.isFinished ? "" : ", not finished")" : nil }),
      ("result's step", each { $0.resultStep?.count }),
    ]
      + metrics.map { metric in
        ("\(metric), validation", each { $0.metric == metric ? $0.result?.rounded(4) : nil })
      } + [
        ("gained", each { $0.gain.map { HumanFormat.decimal($0, 4) } }),
        ("last loss", each { $0.loss?.rounded(4) }),
        ("positions/s, median", each { $0.speed.map(HumanFormat.rate) }),
        ("time", each { $0.wallSeconds.map { HumanFormat.duration(seconds: $0) } }),
      ]
  }

  /// Words in lines that the terminal has room for.
  private func wrapped(_ text: String) -> [String] {
    text.split(separator: " ").reduce(into: [String]()) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= max(width, 20) {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
  }
}
