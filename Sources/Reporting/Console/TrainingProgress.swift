import Files

/// Where a training stands: what its terminal shows while it runs, and `precise watch` from another one.
package struct TrainingProgress: Sendable, Equatable {
  /// A validation metric and the step that it was measured after.
  package struct Score: Sendable, Equatable {
    /// The value.
    package let value: Double
    /// Steps of the phase.
    package let step: Int

    /// Describes a measurement.
    package init(value: Double, step: Int) { (self.value, self.step) = (value, step) }
  }

  /// The phase.
  package var phase: String
  /// Its number among those of the run, from 1, and how many there are.
  package var number = 1
  /// See `number`.
  package var phases = 1
  /// Steps that are done.
  package var step = 0
  /// Steps of the phase.
  package var steps: Int
  /// Steps of an epoch; 0 when nobody knows.
  package var stepsPerEpoch = 0
  /// The last loss; nil before the first step.
  package var loss: Double?
  /// Positions trained a second, over the whole job; nil before the first step.
  package var positionsPerSecond: Double?
  /// Seconds that the phase still takes; nil while nobody knows.
  package var phaseSeconds: Double?
  /// Seconds that the run still takes; nil while nobody knows, or when the phase is its last.
  package var runSeconds: Double?
  /// What is under way besides training: "evaluating 3,200 users".
  package var activity: String?
  /// The validation metric that checkpoints are chosen by.
  package var metric = ""
  /// Its last value.
  package var last: Score?
  /// Its best value so far.
  package var best: Score?
  /// Evaluations without a better one, and how many end the phase; nil without early stopping.
  package var patience: (waited: Int, most: Int)? {
    get { patienceMost > 0 ? (patienceWaited, patienceMost) : nil }
    set { (patienceWaited, patienceMost) = newValue ?? (0, 0) }
  }
  private var patienceWaited = 0
  private var patienceMost = 0

  /// A phase that is about to begin.
  package init(phase: String, steps: Int) { (self.phase, self.steps) = (phase, steps) }

  // MARK: A live block

  /// Lines of at most `columns` letters; what belongs together stands in a line as long as it fits.
  package func lines(columns: Int) -> [StyledLine] {
    let share = StyledLine("  \(percent) %")
    var head = StyledLine.first(of: heads, columns: columns - share.width)
    if steps > 0, let bar = StyledLine(bar: Double(step) / Double(steps), columns: min(34, columns - head.width - share.width)) {
      head.append(bar)
    }
    head.append(share)
    let times = StyledLine(timeFacts.joined(separator: ", "))
    let top =
      times.width <= columns
      ? StyledLine.flow([head, times], separator: "  ", columns: columns)
      : [head] + StyledLine.flow(timeFacts.map { StyledLine($0) }, separator: ", ", columns: columns)
    return top
      + StyledLine.flow(stepFacts.map { StyledLine($0) } + activityFacts, separator: ", ", columns: columns)
      + StyledLine.flow(scoreFacts.map { StyledLine.first(of: $0, columns: columns) }, separator: ", ", columns: columns)
  }

  // MARK: A plain line

  /// One line, for a file or a launcher's terminal: `universal: 45 %, epoch 9 of 20, step 1,234 of 2,700, …`.
  package var line: String {
    let facts = ["\(percent) %"] + stepFacts + timeFacts + [activity].compactMap { $0 } + scoreFacts.map { $0[0].text }
    // A phase's name, and a metric's, may come from a file.
    return printable("\(phase): " + facts.joined(separator: ", "))
  }

  /// The phase, with its number among the run's and without.
  private var heads: [StyledLine] {
    let name = StyledLine(phase, .bold)
    guard phases > 1 else { return [name] }
    var numbered = name
    numbered.append(" (phase \(number) of \(phases))", .dim)
    return [numbered, name]
  }

  private var percent: Int { steps > 0 ? max(0, min(100, 100 * step / steps)) : 100 }

  private var stepFacts: [String] {
    var facts: [String] = []
    if stepsPerEpoch > 0, steps > 0 {
      let epochs = (steps + stepsPerEpoch - 1) / stepsPerEpoch
      facts.append("epoch \(HumanFormat.count(min(epochs, step / stepsPerEpoch + 1))) of \(HumanFormat.count(epochs))")
    }
    facts.append("step \(HumanFormat.count(step)) of \(HumanFormat.count(steps))")
    if let loss { facts.append("loss \(HumanFormat.decimal(loss, 4))") }
    if let positionsPerSecond, positionsPerSecond > 0 { facts.append("\(HumanFormat.rate(positionsPerSecond)) positions/s") }
    return facts
  }

  private var timeFacts: [String] {
    guard let phaseSeconds, step < steps else { return [] }
    let left = "\(HumanFormat.duration(seconds: phaseSeconds)) left"
    guard let runSeconds else { return [left] }
    return [left + " in this phase", "\(HumanFormat.duration(seconds: runSeconds)) in the run"]
  }

  private var activityFacts: [StyledLine] { activity.map { [StyledLine($0, .cyan)] } ?? [] }

  /// Each with what is said where that is too wide for a line.
  private var scoreFacts: [[StyledLine]] {
    guard let last else { return [] }
    func ways(_ name: String, _ score: Score) -> [StyledLine] {
      let value = "\(name) \(HumanFormat.decimal(score.value, 4))"
      return [StyledLine("\(value) after step \(HumanFormat.count(score.step))"), StyledLine(value)]
    }
    var facts = [ways("validation \(metric)", last) + [StyledLine("\(metric) \(HumanFormat.decimal(last.value, 4))")]]
    if let best {
      facts.append(best.step == last.step ? [StyledLine("the best so far", .green)] : ways("best", best))
    }
    if let patience, patience.waited > 0 {
      facts.append([StyledLine("patience \(patience.waited) of \(patience.most)", .yellow)])
    }
    return facts
  }
}
