/// What a step is measured by: its seconds and those of its parts, and where there is a timeline, when each began and ended.
package final class StepClock {
  private let timeline: Timeline?
  private let steps: Stopwatch<Whole>
  private let parts: Stopwatch<StepPart>

  /// Seconds of the last step.
  package var total: Double { steps[.step] }
  /// Its seconds by part, in the order of `StepPart`.
  package var seconds: [Double] { parts.seconds }

  /// Makes a clock at zero.
  package init(timeline: Timeline? = nil) {
    self.timeline = timeline
    steps = Stopwatch("step", timeline: timeline)
    parts = Stopwatch("part", timeline: timeline)
  }

  /// Runs a step, `number` from 1, and measures it from zero.
  package func step<Result>(_ number: Int, _ body: () throws -> Result) rethrows -> Result {
    steps.reset()
    parts.reset()
    timeline?.step = number
    defer { timeline?.step = 0 }
    return try steps.time(.step, body)
  }

  /// Runs `body` and adds its time to a part.
  package func time<Result>(_ part: StepPart, _ body: () throws -> Result) rethrows -> Result { try parts.time(part, body) }

  private enum Whole: Int, CaseIterable {
    case step
  }
}

/// The parts of a training step, in the order of a step; what `precise bench` reports.
package enum StepPart: Int, CaseIterable, Sendable {
  /// Filling the batch, drawing negatives, finding the distinct rows.
  case batch
  /// Row numbers to owners, fusion forward, embeddings back.
  case embed
  /// Sequence embedding and transformer, forward.
  case encode
  /// The objective's losses and their gradients.
  case loss
  /// Transformer and sequence embedding, backward.
  case encodeBackward
  /// Gradients to owners, fusion backward, row updates.
  case items
  /// All-reduce of the dense gradients.
  case reduce
  /// Norm, clip, AdamW.
  case dense
}
