import Config
import Files
import Pictures
import Reporting

/// A grid's results as Markdown: a table for each setting, phase and metric, with all that a number needs to be quoted.
package struct AblationTable {
  private let results: AblationResults
  private var grid: AblationGrid { results.grid }

  /// Takes the results that it tells of.
  package init(_ results: AblationResults) { self.results = results }

  /// The whole page.
  package var markdown: String {
    var lines = heading
    for setting in grid.settings {
      for phase in results.phases { lines += section(setting.label, phase) }
    }
    lines += GainPicture(results).section
    return lines.joined(separator: "\n") + "\n"
  }

  private var heading: [String] {
    let base = grid.base
    var lines = ["# Ablation: \(grid.file)", "", "    \(results.command)", ""]
    for failure in results.failures { lines.append("- **Incomplete**: \(failure)") }
    for bucket in results.unknownBuckets { lines.append("- **No result has a bucket \(bucket).**") }
    let sets = grid.common.isEmpty ? "" : ", with " + grid.common.map(\.text).joined(separator: " ")
    lines.append("- configuration: \(grid.config)\(sets)")
    for variant in grid.variants {
      let settings = variant.overrides.isEmpty ? "as it is" : variant.overrides.map(\.text).joined(separator: " ")
      let data = results.data[variant.name].map { "; data \($0.path), \($0.checksum)" } ?? ""
      lines.append("- `\(variant.name)`: \(settings)\(data)")
    }
    lines += [
      "- seeds: " + grid.seeds.map(String.init).joined(separator: ", "),
      "- A cell is the mean over seeds ± the standard deviation over seeds; in parentheses the difference to `\(base)`, paired by seed, ± its "
        + "standard error over seeds. Rows \"over\" are the same of what stands beside a phase on the same users, with what the phase gains on it.",
      "- Each run's checkpoint was chosen by its validation metric. Choose between variants by the validation rows; test events are for what "
        + "has been chosen.",
    ]
    let selections = grid.settings.flatMap { setting in results.phases.map { Self.test(setting.label, $0) } }
    if selections.contains(where: { !errors($0, grid.buckets.map { ($0, grid.metrics[0]) }).isEmpty }) {
      lines.append(
        "- \"Error over users\" is the standard error of the mean of `\(base)`, one seed: what other users of the same kind would change. "
          + "Deviations over seeds know nothing of it.")
    }
    if selections.contains(where: { !results.baselines($0).isEmpty }) {
      lines.append(
        "- Rows without a deviation rank the same users without any training; in parentheses their difference to `\(base)`.")
    }
    return lines
  }

  private static func test(_ setting: String, _ phase: String) -> AblationResults.Selection {
    AblationResults.Selection(setting: setting, phase: phase, split: "test")
  }

  /// A column: its title, the group of users and the metric.
  private typealias Column = (title: String, bucket: String, metric: String)

  private func section(_ label: String, _ phase: String) -> [String] {
    let test = Self.test(label, phase)
    let validation = AblationResults.Selection(setting: label, phase: phase, split: "validation")
    let title = grid.settings.count > 1 ? "\(phase), \(label)" : phase
    var lines = ["", "## \(title)", ""]
    lines += protocols(test)
    for metric in grid.metrics {
      lines += [""] + table("\(metric), test", test, columns: grid.buckets.map { ($0, $0, metric) }, isTest: true)
    }
    for categories in results.categories(test) {
      for metric in grid.metrics {
        let columns = zip(categories.names, categories.groups).map { ($0, $1, metric) }
        lines += [""] + table("\(metric), test, by \(categories.title)", test, columns: columns, isTest: true)
      }
      if categories.isCut { lines += ["", "Those with the most users; table.json has the others."] }
    }
    lines += PopularityPicture(results).table(test)
    lines += [""] + table("validation, all", validation, columns: grid.metrics.map { ($0, "all", $0) }, isTest: false)
    // Training evaluates in one way, whatever the ways to evaluate what it has trained.
    return lines + (label == grid.settings.first?.label ? CurvePicture(results).table(phase) : [])
  }

  /// How the test events were evaluated: once, or for each variant where they differ.
  private func protocols(_ selection: AblationResults.Selection) -> [String] {
    let texts = grid.variants.map { ($0.name, results.protocolText($0.name, selection)) }
    let distinct = Set(texts.compactMap(\.1))
    if distinct.count == 1, let text = distinct.first { return ["Protocol: \(text)."] }
    return texts.compactMap { name, text in text.map { "Protocol of `\(name)`: \($0)." } }
  }

  private func table(_ title: String, _ selection: AblationResults.Selection, columns: [Column], isTest: Bool) -> [String] {
    var rows = [[title] + columns.map(\.title)]
    if isTest { rows += users(selection, columns.map(\.bucket)) + errors(selection, columns.map { ($0.bucket, $0.metric) }) }
    for variant in grid.variants {
      let isBase = variant.name == grid.base
      let cells = columns.map { column in
        let own = results.values(variant.name, selection, bucket: column.bucket, metric: column.metric)
        let base = results.values(grid.base, selection, bucket: column.bucket, metric: column.metric)
        return Self.cell(own, against: isBase ? nil : base)
      }
      rows.append([isBase ? "**\(variant.name)**" : variant.name] + cells)
      rows += references(variant.name, selection, columns)
    }
    return Self.lines(rows + (isTest ? baselines(selection, columns) : []))
  }

  /// What stands beside the phase of a variant, each with the phase's gain on it.
  private func references(_ variant: String, _ selection: AblationResults.Selection, _ columns: [Column]) -> [[String]] {
    results.references(selection).compactMap { reference in
      let cells = columns.map { column -> String in
        let own = results.values(variant, selection, bucket: column.bucket, metric: column.metric)
        let other = results.values(variant, selection, reference: reference, bucket: column.bucket, metric: column.metric)
        guard let spread = Spread(other.compactMap { $0 }) else { return "–" }
        return Self.text(spread) + (PairedDifference(own, minus: other).map { " (gain \(Self.text($0)))" } ?? "")
      }
      return cells.allSatisfy { $0 == "–" } ? nil : ["· \(variant) over \(reference)"] + cells
    }
  }

  /// What ranks the same users without training, each with its difference to the base.
  private func baselines(_ selection: AblationResults.Selection, _ columns: [Column]) -> [[String]] {
    results.baselines(selection).map { baseline in
      [baseline.title]
        + columns.map { column in
          guard let value = results.value(baseline, selection, bucket: column.bucket, metric: column.metric) else { return "–" }
          let difference = results.difference(baseline, selection, bucket: column.bucket, metric: column.metric)
          return HumanFormat.decimal(value, 4) + (difference.map { " (\(Self.text($0)))" } ?? "")
        }
    }
  }

  /// One row, or one for each variant when they are evaluated on different users.
  private func users(_ selection: AblationResults.Selection, _ buckets: [String]) -> [[String]] {
    let counts = grid.variants.map { variant in buckets.map { results.users(variant.name, selection, bucket: $0) } }
    func cells(_ counts: [Int?]) -> [String] { counts.map { $0.map(HumanFormat.count) ?? "–" } }
    let known = counts.filter { $0.contains { $0 != nil } }
    guard Set(known).count > 1 else { return [["users"] + cells(known.first ?? buckets.map { _ in nil })] }
    return zip(grid.variants, counts).map { ["users of \($0.name)"] + cells($1) }
  }

  /// How far the base's means may be off for the users' sake; no row where no run tells.
  private func errors(_ selection: AblationResults.Selection, _ columns: [(bucket: String, metric: String)]) -> [[String]] {
    let cells = columns.map { column in
      results.standardErrors(grid.base, selection, bucket: column.bucket, metric: column.metric).lazy.compactMap { $0 }.first
        .map { HumanFormat.decimal($0, 4) } ?? "–"
    }
    return cells.allSatisfy { $0 == "–" } ? [] : [["error over users"] + cells]
  }

  /// Rows as Markdown, the first of them the heads of columns.
  static func lines(_ rows: [[String]]) -> [String] {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { printable($0).replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    guard let heads = rows.first else { return [] }
    return [line(heads), "|---|" + String(repeating: "---:|", count: heads.count - 1)] + rows.dropFirst().map(line)
  }

  private static func cell(_ values: [Double?], against base: [Double?]?) -> String {
    guard let spread = Spread(values.compactMap { $0 }) else { return "–" }
    guard let base, let difference = PairedDifference(values, minus: base) else { return text(spread) }
    return "\(text(spread)) (\(text(difference)))"
  }

  /// The mean and, of several, the deviation.
  static func text(_ spread: Spread) -> String {
    HumanFormat.decimal(spread.mean, 4) + (spread.deviation.map { " ± " + HumanFormat.decimal($0, 4) } ?? "")
  }

  /// The mean and, of several seeds, the deviation.
  static func text(_ mark: Mark) -> String {
    HumanFormat.decimal(mark.value, 4) + (mark.error.map { " ± " + HumanFormat.decimal($0, 4) } ?? "")
  }

  private static func text(_ difference: PairedDifference) -> String {
    let mean = HumanFormat.decimal(difference.mean, 4)
    let sign = mean.hasPrefix("-") ? "" : "+"
    return sign + mean + (difference.error.map { " ± " + HumanFormat.decimal($0, 4) } ?? "")
  }
}
