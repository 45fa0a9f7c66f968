import Config
import Reporting

/// A grid's results as Markdown: a table for each judgement, phase and metric, with all that a number needs to be quoted.
public struct AblationTable {
  private let results: AblationResults
  private var grid: AblationGrid { results.grid }

  /// Takes the results that it tells of.
  public init(_ results: AblationResults) { self.results = results }

  /// The whole page.
  public var markdown: String {
    var lines = heading
    for judgement in grid.judgements {
      for phase in results.phases { lines += section(judgement.label, phase) }
    }
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
    return lines
  }

  private func section(_ label: String, _ phase: String) -> [String] {
    let test = AblationResults.Place(judgement: label, phase: phase, split: "test")
    let validation = AblationResults.Place(judgement: label, phase: phase, split: "validation")
    let title = grid.judgements.count > 1 ? "\(phase), \(label)" : phase
    var lines = ["", "## \(title)", ""]
    lines += protocols(test)
    for metric in grid.metrics {
      lines += [""] + table("\(metric), test", test, columns: grid.buckets.map { ($0, $0, metric) }, hasUsers: true)
    }
    let columns = grid.metrics.map { ($0, "all", $0) }
    return lines + [""] + table("validation, all", validation, columns: columns, hasUsers: false)
  }

  /// How the test events were judged: once, or for each variant where they differ.
  private func protocols(_ place: AblationResults.Place) -> [String] {
    let texts = grid.variants.map { ($0.name, results.protocolText($0.name, place)) }
    let distinct = Set(texts.compactMap(\.1))
    if distinct.count == 1, let text = distinct.first { return ["Protocol: \(text)."] }
    return texts.compactMap { name, text in text.map { "Protocol of `\(name)`: \($0)." } }
  }

  /// - Parameter columns: title, bucket and metric of each.
  private func table(
    _ title: String, _ place: AblationResults.Place, columns: [(title: String, bucket: String, metric: String)], hasUsers: Bool
  ) -> [String] {
    var lines = [row([title] + columns.map(\.title)), "|---|" + String(repeating: "---:|", count: columns.count)]
    if hasUsers { lines += users(place, columns.map(\.bucket)) }
    for variant in grid.variants {
      let isBase = variant.name == grid.base
      let cells = columns.map { column in
        let own = results.values(variant.name, place, bucket: column.bucket, metric: column.metric)
        let base = results.values(grid.base, place, bucket: column.bucket, metric: column.metric)
        return Self.cell(own, against: isBase ? nil : base)
      }
      lines.append(row([isBase ? "**\(variant.name)**" : variant.name] + cells))
      lines += references(variant.name, place, columns)
    }
    return lines
  }

  /// What stands beside the phase of a variant, each with the phase's gain on it.
  private func references(
    _ variant: String, _ place: AblationResults.Place, _ columns: [(title: String, bucket: String, metric: String)]
  ) -> [String] {
    results.references(place).compactMap { reference in
      let cells = columns.map { column -> String in
        let own = results.values(variant, place, bucket: column.bucket, metric: column.metric)
        let other = results.values(variant, place, reference: reference, bucket: column.bucket, metric: column.metric)
        guard let spread = Spread(other.compactMap { $0 }) else { return "–" }
        return Self.text(spread) + (PairedDifference(own, minus: other).map { " (gain \(Self.text($0)))" } ?? "")
      }
      return cells.allSatisfy { $0 == "–" } ? nil : row(["· \(variant) over \(reference)"] + cells)
    }
  }

  /// One row, or one for each variant when they are judged on different users.
  private func users(_ place: AblationResults.Place, _ buckets: [String]) -> [String] {
    let counts = grid.variants.map { variant in buckets.map { results.users(variant.name, place, bucket: $0) } }
    func cells(_ counts: [Int?]) -> [String] { counts.map { $0.map(HumanFormat.count) ?? "–" } }
    let known = counts.filter { $0.contains { $0 != nil } }
    guard Set(known).count > 1 else { return [row(["users"] + cells(known.first ?? buckets.map { _ in nil }))] }
    return zip(grid.variants, counts).map { row(["users of \($0.name)"] + cells($1)) }
  }

  private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

  private static func cell(_ values: [Double?], against base: [Double?]?) -> String {
    guard let spread = Spread(values.compactMap { $0 }) else { return "–" }
    guard let base, let difference = PairedDifference(values, minus: base) else { return text(spread) }
    return "\(text(spread)) (\(text(difference)))"
  }

  private static func text(_ spread: Spread) -> String {
    HumanFormat.decimal(spread.mean, 4) + (spread.deviation.map { " ± " + HumanFormat.decimal($0, 4) } ?? "")
  }

  private static func text(_ difference: PairedDifference) -> String {
    let mean = HumanFormat.decimal(difference.mean, 4)
    let sign = mean.hasPrefix("-") ? "" : "+"
    return sign + mean + (difference.error.map { " ± " + HumanFormat.decimal($0, 4) } ?? "")
  }
}
