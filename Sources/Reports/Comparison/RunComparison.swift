import Config
import Runs

/// How runs differ: in configuration, in what was measured, in training.
///
/// All differences are to the first run.
package struct RunComparison: Sendable {
  /// A key of the configuration that not all runs have alike.
  package struct Key: Sendable, Equatable {
    /// The key's path.
    package let key: String
    /// Its value by run; nil where a run does not have it.
    package let values: [String?]
  }

  /// How a number differs from the first run's.
  package struct Difference: Sendable, Equatable {
    /// How many standard errors the 95 % interval reaches to each side.
    package static let reach = 1.96

    /// This run's number less the first one's.
    package let value: Double
    /// Its standard error, √(a² + b²): as if the runs had been measured on different users; nil when one of the two is not known.
    package let error: Double?

    /// Whether zero is outside of the 95 % interval; nil when nobody can tell.
    package var isBeyondError: Bool? { error.map { value.magnitude > Self.reach * $0 } }

    /// The difference of two numbers.
    package init(_ own: RecordedNumber, _ ownError: RecordedNumber?, to first: RecordedNumber, _ firstError: RecordedNumber?) {
      value = own.value - first.value
      error = ownError.flatMap { own in
        firstError.map { first in (own.value * own.value + first.value * first.value).squareRoot() }
      }
    }
  }

  /// A run's number in a row.
  package struct Cell: Sendable, Equatable {
    /// The metric.
    package let value: RecordedNumber
    /// Its standard error.
    package let error: RecordedNumber?
    /// The users that it is a mean over.
    package let users: RecordedNumber?
    /// Nil for the first run, where that has no number, and of runs that were measured by different protocols.
    package let difference: Difference?
  }

  /// A metric of a group.
  package struct Row: Sendable {
    /// Which users.
    package let group: EvaluationFile.Group
    /// Which metric.
    package let metric: String
    /// By run.
    package let cells: [Cell?]
  }

  /// One phase's metrics on one split.
  package struct Table: Sendable {
    /// Phase and split.
    package let entry: EvaluationFile.Entry
    /// Fields of the protocol that are not the same in all runs, with their values by run; then numbers do not compare.
    package let protocolDifferences: [Key]
    /// Groups, and in each group metrics.
    package let rows: [Row]
  }

  /// The runs, the first of which the others are compared with.
  package let runs: [ReportedRun]
  /// Keys that differ.
  package let configuration: [Key]
  /// What was measured, by phase and split.
  package let tables: [Table]
  /// How each phase was trained.
  package let training: [PhaseComparison]
  /// Whether every recorded metric is compared, and not only the main ones.
  let hasAllMetrics: Bool

  /// Compares runs.
  ///
  /// - Parameter allMetrics: whether every recorded metric is compared, and not only the main ones.
  package init(_ runs: [ReportedRun], allMetrics: Bool = false) {
    (self.runs, hasAllMetrics) = (runs, allMetrics)
    configuration = Self.differences(runs.map { $0.config.flat })
    let entries = Self.union(runs.map(\.evaluation.entries))
    tables = entries.map { Self.table($0, runs.map(\.evaluation), allMetrics) }
    training = Self.union(runs.map { $0.phases.map(\.name) }).map { PhaseComparison(phase: $0, runs) }
  }

  /// The keys of several lists of which one lacks them or has another value, in the order of the lists.
  private static func differences(_ lists: [[(key: String, value: String)]]) -> [Key] {
    let values = lists.map { Dictionary($0.map { ($0.key, $0.value) }) { first, _ in first } }
    return union(lists.map { $0.map(\.key) }).compactMap { key in
      let own = values.map { $0[key] }
      return own.contains { $0 != own.first } ? Key(key: key, values: own) : nil
    }
  }

  /// What any list has, in the order of the first that has it.
  static func union<Element: Equatable>(_ lists: [[Element]]) -> [Element] {
    lists.joined().reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  private static func table(_ entry: EvaluationFile.Entry, _ files: [EvaluationFile], _ allMetrics: Bool) -> Table {
    let having = files.filter { $0.entries.contains(entry) }
    // What was measured names no rule of measurement.
    let protocols = differences(having.map { $0.protocolFields(entry).filter { $0.key != "checkpoint" } })
    let metrics = union(having.map { allMetrics ? $0.metrics(entry) : $0.mainMetrics(entry) })
    let kinds: [EvaluationFile.Group.Kind] = [.bucket, .scene, .behavior, .decile]
    let groups = kinds.flatMap { kind in union(having.map { $0.groups(entry, kind) }) }
    let rows = groups.flatMap { group in metrics.map { row(entry, group, $0, files, areComparable: protocols.isEmpty) } }
    return Table(
      entry: entry, protocolDifferences: protocols, rows: rows.filter { $0.cells.contains { $0 != nil } })
  }

  private static func row(
    _ entry: EvaluationFile.Entry, _ group: EvaluationFile.Group, _ metric: String, _ files: [EvaluationFile], areComparable: Bool
  ) -> Row {
    let first = files.first.flatMap { file in
      file.value(entry, .model, group, metric).map { ($0, file.error(entry, .model, group, metric)) }
    }
    let cells = files.enumerated().map { index, file -> Cell? in
      guard let value = file.value(entry, .model, group, metric) else { return nil }
      let error = file.error(entry, .model, group, metric)
      let difference = index == 0 || !areComparable ? nil : first.map { Difference(value, error, to: $0.0, $0.1) }
      return Cell(value: value, error: error, users: file.users(entry, group), difference: difference)
    }
    return Row(group: group, metric: metric, cells: cells)
  }

  /// What is to be known of the numbers, a sentence each.
  package var warnings: [String] {
    let differing = tables.filter { !$0.protocolDifferences.isEmpty }
    let fields = Self.union(differing.map { $0.protocolDifferences.map(\.key) })
    return fields.map { field in
      let tables = differing.filter { $0.protocolDifferences.contains { $0.key == field } }
      let names = tables.map { "\($0.entry.phase) \($0.entry.split)" }.joined(separator: ", ")
      let values = tables[0].protocolDifferences.first { $0.key == field }?.values ?? []
      let said = Self.union([values.map { $0 ?? "not stated" }]).joined(separator: " / ")
      return
        "the runs were measured by different protocols, so their numbers do not compare: \(field) differs (\(said)) in \(names)"
    }
  }

  /// What the errors of differences are, in a sentence.
  package static let errorNote =
    "± is one standard error, 1.96 of them are a 95 % interval. The error of a difference is √(a² + b²), as if the two runs had been "
    + "measured on different users: pairing the same users needs each user's rank of both runs, which evaluation.json does not have. "
    + "So a difference on the same users is known better than its error says."
}

/// How one phase was trained in each run.
package struct PhaseComparison: Sendable {
  /// One run's training of the phase.
  package struct Training: Sendable {
    /// Whether it is done.
    package let isFinished: Bool
    /// Whether anything is known of it.
    package let isBegun: Bool
    /// Steps that are done.
    package let step: Int
    /// Steps of the whole phase.
    package let steps: RecordedNumber?
    /// The result's step.
    package let resultStep: RecordedNumber?
    /// The metric that it was chosen by.
    package let metric: String?
    /// Its value.
    package let result: RecordedNumber?
    /// The value before the first step.
    package let start: RecordedNumber?
    /// The last loss that was logged.
    package let loss: RecordedNumber?
    /// Median of positions trained a second.
    package let speed: Double?
    /// Seconds, pauses included.
    package let wallSeconds: Double?

    /// What training has gained.
    package var gain: Double? { result.flatMap { result in start.map { result.value - $0.value } } }
  }

  /// The phase.
  package let phase: String
  /// By run; nil where it does not have the phase.
  package let runs: [Training?]

  init(phase: String, _ runs: [ReportedRun]) {
    self.phase = phase
    self.runs = runs.map { run in
      guard let own = run.phases.first(where: { $0.name == phase }) else { return nil }
      return Training(
        isFinished: own.state.isOver, isBegun: own.isBegun, step: own.step, steps: own.steps, resultStep: own.resultStep,
        metric: own.metric,
        result: own.result, start: own.start, loss: own.lastLoss.flatMap { run.number($0.line, ["loss"], $0.value) },
        speed: own.medianSpeed, wallSeconds: own.wallSeconds)
    }
  }
}
