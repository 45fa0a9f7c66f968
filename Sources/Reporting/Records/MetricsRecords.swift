package import Files

/// What one kind of line of `metrics.jsonl` says; docs/concepts.md has every key.
///
/// Written field by field, so that people find the phase and the step first; read by the properties' names, snake-cased.
package protocol MetricsRecord: Decodable, Sendable, Equatable {
  /// The phase.
  var phase: String { get }
  /// Steps of the phase that were done when it was written.
  var step: Int { get }
  /// The rest of the line, in the order of the file.
  var details: [JSONValue.Field] { get }
}

extension MetricsRecord {
  /// The whole line but for its time.
  package var fields: [JSONValue.Field] { [.init("phase", .string(phase)), .init("step", .int(step))] + details }

  /// Its numbers as TensorBoard has them: `universal/loss`, `universal/expert_load/3`, `universal/validation/ndcg@10`.
  ///
  /// What describes a phase's start or end is no curve, and has none.
  package var scalars: [(tag: String, value: Double)] {
    if self is OriginRecord || self is BeginRecord || self is EndRecord { return [] }
    let kind = (self as? EvaluationLine)?.split ?? (self is MixtureRecord ? "mixture" : "")
    let prefix = kind.isEmpty ? phase : "\(phase)/\(kind)"
    return details.flatMap { $0.key == "protocol" ? [] : $0.value.numbers(named: "\(prefix)/\($0.key)") }
  }
}

extension JSONValue {
  /// The numbers in a value, each with its place: `name`, `name/0`, `name/1/0`.
  fileprivate func numbers(named name: String) -> [(tag: String, value: Double)] {
    switch self {
    case .int, .double: number.map { [(name, $0)] } ?? []
    case .array(let values): values.enumerated().flatMap { $1.numbers(named: "\(name)/\($0)") }
    default: []
    }
  }
}

/// A run that began with another run's numbers (`--from`).
package struct OriginRecord: MetricsRecord {
  package var phase = "universal"
  @Bounded<CountBounds> package var step: Int = 0
  /// The checkpoint that it began with.
  package var from: String
  /// That checkpoint's manifest, as CRC-32.
  package var fromManifestCrc32: String
  /// Items whose rows were taken over.
  @Bounded<CountBounds> package var knownItems: Int
  /// Items that the checkpoint does not know.
  @Bounded<CountBounds> package var newItems: Int
  /// Items of the checkpoint that the data set does not have.
  @Bounded<CountBounds> package var goneItems: Int

  /// Describes a beginning.
  package init(from: String, manifest: String, known: Int, new: Int, gone: Int) {
    (self.from, fromManifestCrc32, knownItems, newItems, goneItems) = (from, manifest, known, new, gone)
  }

  package var details: [JSONValue.Field] {
    [
      .init("from", .string(from)), .init("from_manifest_crc32", .string(fromManifestCrc32)),
      .init("known_items", .int(knownItems)), .init("new_items", .int(newItems)), .init("gone_items", .int(goneItems)),
    ]
  }
}

/// The start of a phase, or of what is left of it: how long it is to be.
package struct BeginRecord: MetricsRecord {
  /// A phase of the run and its length.
  package struct Length: Decodable, Sendable, Equatable {
    /// The phase.
    package var phase: String
    /// Its steps.
    @Bounded<CountBounds> package var steps: Int
    /// Steps of an epoch.
    @Bounded<CountBounds> package var stepsPerEpoch: Int
    /// Users that take part.
    @Bounded<CountBounds> package var users: Int

    /// Describes a phase.
    package init(phase: String, steps: Int, stepsPerEpoch: Int, users: Int) {
      (self.phase, self.steps, self.stepsPerEpoch, self.users) = (phase, steps, stepsPerEpoch, users)
    }

    var json: JSONValue {
      [
        "phase": .string(phase), "steps": .int(steps), "steps_per_epoch": .int(stepsPerEpoch), "users": .int(users),
      ]
    }
  }

  package var phase: String
  @Bounded<CountBounds> package var step: Int
  /// Steps of the whole phase.
  @Bounded<CountBounds> package var steps: Int
  /// Steps of an epoch.
  @Bounded<CountBounds> package var stepsPerEpoch: Int
  /// Users that take part.
  @Bounded<CountBounds> package var users: Int
  /// Numbers that are trained: dense parameters, item rows, and token states unless they stay frozen.
  @Bounded<CountBounds> package var parameters: Int
  /// Ranks of the job.
  @Bounded<ExtentBounds> package var ranks: Int
  /// What the factors of products are rounded to: `fp32`, `bf16`.
  package var precision: String
  /// The validation metric that checkpoints are chosen by.
  package var metric: String
  /// All phases that this job trains, in order.
  package var phases: [Length]

  /// Describes a start.
  package init(_ length: Length, step: Int, parameters: Int, job: Job) {
    (phase, steps, stepsPerEpoch, users) = (length.phase, length.steps, length.stepsPerEpoch, length.users)
    (self.step, self.parameters) = (step, parameters)
    (ranks, precision, metric, phases) = (job.ranks, job.precision, job.metric, job.phases)
  }

  /// What all phases of a job share.
  package struct Job: Sendable {
    /// Ranks.
    package let ranks: Int
    /// What the factors of products are rounded to.
    package let precision: String
    /// The validation metric that checkpoints are chosen by.
    package let metric: String
    /// The phases that are trained, in order.
    package let phases: [Length]

    /// Describes a job.
    package init(ranks: Int, precision: String, metric: String, phases: [Length]) {
      (self.ranks, self.precision, self.metric, self.phases) = (ranks, precision, metric, phases)
    }
  }

  package var details: [JSONValue.Field] {
    [
      .init("steps", .int(steps)), .init("steps_per_epoch", .int(stepsPerEpoch)), .init("users", .int(users)),
      .init("parameters", .int(parameters)), .init("ranks", .int(ranks)), .init("precision", .string(precision)),
      .init("metric", .string(metric)),
      .init("phases", .array(phases.map(\.json))),
    ]
  }
}

/// What the steps since the last such line were like.
package struct StepRecord: MetricsRecord {
  package var phase: String
  @Bounded<CountBounds> package var step: Int
  /// Mean of the objective over these steps, in nats; nil when it was no number.
  package var loss: Double?
  /// Cross-user BPR of the last of them.
  package var bprLoss: Double?
  /// Sampled softmax of the last of them.
  package var softmaxLoss: Double?
  /// The load-balance loss of the last of them; 1 is even.
  package var balanceLoss: Double?
  /// The busiest expert's share.
  package var busiestExpert: Double?
  /// Each expert's share.
  package var expertLoad: [Double]?
  /// Of the dense parameters.
  package var learningRate: Double?
  /// Of the dense gradients, before clipping.
  package var gradNorm: Double?
  /// Positions trained a second, over the whole job.
  package var positionsPerS: Double?
  /// Mean milliseconds of a step.
  package var stepMs: Double?
  /// Of these, how long rank 0 waited for others.
  package var commMs: Double?
  /// Positions of the last step.
  package var positions: Int?
  /// Distinct items that rank 0 asked for in it.
  package var uniqueItems: Int?
  /// Steps that changed nothing; nil when none.
  package var skipped: Int?

  /// Describes steps; the rest is set afterwards.
  package init(phase: String, step: Int) { (self.phase, self.step) = (phase, step) }

  package var details: [JSONValue.Field] {
    func optional(_ key: String, _ value: Double?) -> [JSONValue.Field] { value.map { [.init(key, .double($0))] } ?? [] }
    func number(_ key: String, _ value: Double?) -> JSONValue.Field { .init(key, value.map { .double($0) } ?? .null) }
    var fields = [number("loss", loss)]
    fields += optional("bpr_loss", bprLoss) + optional("softmax_loss", softmaxLoss) + optional("balance_loss", balanceLoss)
    fields += optional("busiest_expert", busiestExpert)
    if let expertLoad { fields.append(.init("expert_load", .array(expertLoad.map { .double($0) }))) }
    fields += [
      number("learning_rate", learningRate), number("grad_norm", gradNorm), number("positions_per_s", positionsPerS),
      number("step_ms", stepMs), number("comm_ms", commMs),
    ]
    return fields
      + [("positions", positions), ("unique_items", uniqueItems), ("skipped", skipped)].compactMap { key, value in
        value.map { .init(key, .int($0)) }
      }
  }
}

/// How long training stood still for a checkpoint.
package struct CheckpointRecord: MetricsRecord {
  package var phase: String
  @Bounded<CountBounds> package var step: Int
  /// Milliseconds.
  package var checkpointMs: Double
  /// Whether its files were written beside training.
  package var asynchronous: Bool

  /// Describes a checkpoint.
  package init(phase: String, step: Int, milliseconds: Double, isAsynchronous: Bool) {
    (self.phase, self.step, checkpointMs, asynchronous) = (phase, step, milliseconds, isAsynchronous)
  }

  package var details: [JSONValue.Field] {
    [.init("checkpoint_ms", .double(checkpointMs)), .init("asynchronous", .bool(asynchronous))]
  }
}

/// How the mixture of experts shares out the items at the end of a phase.
package struct MixtureRecord: MetricsRecord {
  package var phase: String
  @Bounded<CountBounds> package var step: Int
  /// Items with text.
  @Bounded<CountBounds> package var itemsWithText: Int
  /// The share of the routed slots that each expert has.
  package var expertLoad: [Double]
  /// Mean entropy of the gate's weights, in nats.
  package var gateEntropy: Double
  /// The most that it can be.
  package var gateEntropyLimit: Double
  /// Words that mark each expert, the clearest first.
  package var expertWords: [[String]]

  /// Describes a mixture; the rest is set afterwards.
  package init(
    phase: String, step: Int, itemsWithText: Int, load: [Double], entropy: Double, limit: Double, words: [[String]]
  ) {
    (self.phase, self.step, self.itemsWithText) = (phase, step, itemsWithText)
    (expertLoad, gateEntropy, gateEntropyLimit, expertWords) = (load, entropy, limit, words)
  }

  package var details: [JSONValue.Field] {
    [
      .init("items_with_text", .int(itemsWithText)), .init("expert_load", .array(expertLoad.map { .double($0) })),
      .init("gate_entropy", .double(gateEntropy)), .init("gate_entropy_limit", .double(gateEntropyLimit)),
      .init("expert_words", .array(expertWords.map { .array($0.map { .string($0) }) })),
    ]
  }
}

/// Where the time of steps went, rank by rank, since the last such line.
package struct RankTimesRecord: MetricsRecord {
  package var phase: String
  @Bounded<CountBounds> package var step: Int
  /// Steps that the means are over.
  @Bounded<CountBounds> package var timedSteps: Int
  /// The parts of a step, in its order.
  package var parts: [String]
  /// Milliseconds a step, by rank and then by part.
  package var rankMs: [[Double]]
  /// Of these, how long each rank waited for others, milliseconds a step.
  package var rankWaitMs: [Double]

  /// Whether it can be of a job: a rank has at most as many parts as are named.
  var isPlausible: Bool { parts.count <= 64 && rankMs.allSatisfy { $0.count <= parts.count } }

  /// Describes ranks.
  package init(phase: String, step: Int, steps: Int, parts: [String], milliseconds: [[Double]], waiting: [Double]) {
    (self.phase, self.step, timedSteps, self.parts) = (phase, step, steps, parts)
    (rankMs, rankWaitMs) = (milliseconds, waiting)
  }

  package var details: [JSONValue.Field] {
    [
      .init("timed_steps", .int(timedSteps)), .init("parts", .array(parts.map { .string($0) })),
      .init("rank_ms", .array(rankMs.map { .array($0.map { .double($0) }) })),
      .init("rank_wait_ms", .array(rankWaitMs.map { .double($0) })),
    ]
  }
}

/// The end of a phase: which of its models is the result, and what was gained.
package struct EndRecord: MetricsRecord {
  package var phase: String
  @Bounded<CountBounds> package var step: Int
  /// Why: `finished`, or `patience` when evaluations had not become better for long enough.
  package var end: String
  /// The step whose model is the result; 0 is what the phase began with.
  @Bounded<CountBounds> package var resultStep: Int
  /// The metric that it was chosen by; nil when nobody was evaluated.
  package var metric: String?
  /// Its value.
  package var value: Double?
  /// The metric's value before the first step; nil for a phase that began with a new model.
  package var startValue: Double?

  /// Describes an end.
  package init(phase: String, step: Int, end: String, resultStep: Int) {
    (self.phase, self.step, self.end, self.resultStep) = (phase, step, end, resultStep)
  }

  package var details: [JSONValue.Field] {
    [
      .init("end", .string(end)), .init("result_step", .int(resultStep)), .init("metric", metric.map { .string($0) } ?? .null),
      .init("value", value.map { .double($0) } ?? .null), .init("start_value", startValue.map { .double($0) } ?? .null),
    ]
  }
}
