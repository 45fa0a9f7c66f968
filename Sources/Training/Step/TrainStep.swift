package import Collectives
package import Config
package import Datasets
package import Host
import Logging
package import Model
package import Runs
package import Tensors

/// One training step of one rank.
///
/// docs/distributed.md, "A step, in time".
package final class TrainStep: BackwardObserver {
  /// Seconds of the last step and of its parts.
  package let clock: StepClock
  let optimizer: AdamW
  /// Called between layers of backward, for work that goes on beside training; must not wait.
  var betweenLayers: () throws -> Void = {}
  /// Called on every rank when a step's numbers have gone wrong; throws when the run is to end, else the step is left out.
  var onFault: (StepFault) throws -> Void = { _ in }
  /// The whole job's routing in the last step, valid until the next one; nil for items without a semantic half.
  private(set) var routing: Routing?
  private let model: PreciseModel
  private let communicator: any Communicator
  private let steps: Int
  private let overlaps: Bool
  private let objective: any Objective
  private let dropout: Float
  private let learningRates: PhaseLearningRates
  private let balance: Float
  private let clip: Double
  private let seed: UInt64
  private let phase: String
  private let sums: StepSums
  private let reducer: BucketedAllReduce
  /// What every step's traffic has in common.
  private var traffic: StepTraffic
  /// The memory of all that a step computes.
  package let workspace = Workspace()
  /// How often the workspace had grown when it was last looked at.
  private var growths = 0
  private let largest: LargestSlice
  private let isUniversal: Bool
  private let precision: NumberFormat
  private let inputs: [StepInputs]
  private var prefetched: Int?
  private let logger = Logger(label: "precise.training")

  package init(
    _ model: PreciseModel, plan: PhasePlan, config: RunConfig, precision: NumberFormat, steps: Int, source: any BatchSource,
    negatives: SharedNegatives?,
    communicator: any Communicator
  ) {
    self.model = model
    self.communicator = communicator
    self.steps = steps
    clock = StepClock(timeline: communicator.state.timeline)
    overlaps = config.compute.overlap
    objective = plan.objective(config)
    dropout = plan.dropout(config)
    seed = plan.seed(config)
    learningRates = PhaseLearningRates(plan, config, steps: steps)
    balance = Float(config.model.balance)
    clip = config.optimizer.clip
    phase = plan.name
    (inputs, largest) = Memory.use(for: .lists) {
      let inputs = (0..<2).map { _ in
        StepInputs(model.items, source: source, negatives: negatives, communicator: communicator)
      }
      let largest = LargestSlice(source, steps: steps, length: config.model.length)
      for input in inputs { input.reserve(largest) }
      return (inputs, largest)
    }
    sums = StepSums(terms: objective.terms.count)
    reducer = BucketedAllReduce(
      model.parameters.gradients.buffer, of: model.parameters, wire: config.compute.gradientWire,
      communicator: communicator)
    traffic = StepTraffic(model.shape, objective.terms, wire: config.compute.gradientWire)
    (traffic.ranks, traffic.rank) = (communicator.size, communicator.rank)
    var options = AdamW.Options()
    options.beta1 = Float(config.optimizer.beta1)
    options.beta2 = Float(config.optimizer.beta2)
    options.epsilon = Float(config.optimizer.epsilon)
    options.weightDecay = Float(config.optimizer.weightDecay)
    optimizer = AdamW(model.parameters, options: options)
    isUniversal = plan.kind.isUniversal
    self.precision = precision
  }

  /// Next batch, exchange rows, forward, losses, backward, update: everything of step number `step` (from 0).
  ///
  /// - Parameter notes: what this rank has to tell; the report has what any rank had.
  package func run(_ step: Int, notes: StepNotes = StepNotes()) throws -> StepReport {
    try clock.step(step + 1) { try Memory.use(for: .step) { try perform(step, notes) } }
  }

  /// Waits for what is on its way for the next step, when there is to be none; collective.
  func settle() throws {
    if let prefetched { try inputs[prefetched % 2].finish() }
    prefetched = nil
  }

  private func perform(_ step: Int, _ notes: StepNotes) throws -> StepReport {
    try workspace.scope {
      let inputs = try clock.time(.batch) { try takeInputs(of: step) }
      planWorkspace(inputs)
      let e = workspace.matrix(inputs.rows.count, model.shape.fusion.width)
      let dE = workspace.zeros(e.rows, e.columns)
      let embedded = try clock.time(.embed) {
        try model.items.embed(inputs.route, into: e, precision: precision, workspace: workspace)
      }
      try clock.time(.batch) { try prefetch(after: step) }
      model.parameters.clearGradients()
      reducer.begin()
      sums.clear(experts: embedded.routing?.experts ?? 0)
      sums.notes = notes
      let context = StepContext(workspace, mode: mode(of: step), clock: clock, observer: self)
      try objective.lossAndGradients(
        model, e: e, batch: inputs.slice(workspace), dE: dE, losses: sums.losses, context: context)
      try agree(dE: dE, routing: embedded.routing)
      guard FiniteGuard.passes(sums) else { return try skip(step, inputs, e: e, dE: dE) }
      try clock.time(.items) {
        try model.items.update(
          embedded, dE: dE, balance: routing.map { Balance($0, weight: balance) }, learningRates: learningRates.rows(at: step),
          rounding: rounding(step), context: context)
        try reducer.markReady(from: 0)
      }
      var report = describe(inputs)
      try clock.time(.reduce) { try reducer.finish() }
      try clock.time(.dense) { try updateDense(step, &report) }
      return report
    }
  }

  /// This step's inputs, which the step before has prefetched unless there was none.
  private func takeInputs(of step: Int) throws -> StepInputs {
    let inputs = inputs[step % 2]
    if prefetched != step { try inputs.begin(step) }
    try inputs.finish()
    return inputs
  }

  /// Reserves what the largest step takes, once the first one shows how many items and negatives come with so many positions.
  ///
  /// A step that takes more is served all the same, and is reported.
  private func planWorkspace(_ inputs: StepInputs) {
    if workspace.capacity == 0 {
      let items = Double(model.items.partition.rows)
      let size = inputs.size(isUniversal: isUniversal).largest(positions: Double(largest.positions), items: items)
      workspace.reserve(Int(StepWorkspace.bytes(model.shape, size, precision)))
      logger.debug("workspace", metadata: ["bytes": "\(workspace.capacity)", "positions": "\(largest.positions)"])
    }
    guard workspace.growths > growths else { return }
    growths = workspace.growths
    logger.debug("a step took more than planned", metadata: ["bytes": "\(workspace.peak)", "growths": "\(growths)"])
  }

  private func prefetch(after step: Int) throws {
    guard overlaps, step + 1 < steps else { return }
    try inputs[(step + 1) % 2].begin(step + 1)
    prefetched = step + 1
  }

  /// Sends complete gradients, and moves on what is under way.
  package func gradientsAreComplete(from offset: GradientOffset) throws {
    try betweenLayers()
    guard overlaps else { return }
    try reducer.markReady(from: offset.element)
    if let prefetched { try inputs[prefetched % 2].advance() }
  }

  /// Sums the losses, the routing and what ranks have noticed over the ranks.
  private func agree(dE: Matrix, routing own: Routing?) throws {
    if let own { _ = sums.routing.numbers.update(fromContentsOf: own.numbers) }
    FiniteGuard.note(embeddings: Vector(dE.base, count: dE.count), dense: model.parameters.gradients, in: sums)
    try communicator.allReduce(sums.all, as: .sums)
    routing = own.map { _ in sums.routing }
  }

  /// A step whose numbers have gone wrong: no row and no parameter changes; throws on every rank when it is to end the run.
  private func skip(_ step: Int, _ inputs: StepInputs, e: Matrix, dE: Matrix) throws -> StepReport {
    let losses = zip(objective.terms, sums.losses).map { (name: $0.kind.rawValue, value: $1) }
    try onFault(StepFault(step: step, inputs: inputs, e: e, dE: dE, parameters: model.parameters, losses: losses))
    // Every bucket takes part in the all-reduce on every rank, or the next step's buckets meet this one's.
    try reducer.markReady(from: 0)
    try reducer.finish()
    var report = describe(inputs)
    report.isSkipped = true
    report.learningRate = learningRates.dense(at: step)
    report.gradientNorm = .nan
    return report
  }

  private func updateDense(_ step: Int, _ report: inout StepReport) throws {
    model.parameters.clearFrozenGradients()
    let norm = GradientNorm(of: model.parameters.gradients, bound: clip)
    // Finite gradients whose sum, or whose products in fusion, are not. Rows have changed: the step cannot be left out.
    guard norm.norm.isFinite else {
      throw NotFiniteError(phase: phase, step: step + 1, tensors: "the gradient of the dense parameters, with rows updated,")
    }
    report.gradientNorm = norm.norm
    report.learningRate = learningRates.dense(at: step)
    optimizer.update(learningRate: Float(report.learningRate), gradientFactor: norm.factor)
  }

  private func mode(of step: Int) -> ForwardMode {
    ForwardMode(
      seed: seed, step: UInt32(truncatingIfNeeded: step), dropout: dropout, causal: objective.isCausal, precision: precision)
  }

  /// The random bits of this step's updates of token states.
  private func rounding(_ step: Int) -> RandomStream {
    RandomStream(seed: seed, purpose: .tokenRounding, step: UInt32(truncatingIfNeeded: step))
  }

  /// The whole job's losses: their weighted sum, and each term where there may be several.
  private func describeLosses(in report: inout StepReport) {
    for (term, loss) in zip(objective.terms, sums.losses) where term.weight > 0 {
      report.loss += term.weight * loss
      guard objective.terms.count > 1 else { continue }
      switch term.kind {
      case .bpr: report.bpr = loss
      case .softmax: report.softmax = loss
      }
    }
  }

  private func describe(_ inputs: StepInputs) -> StepReport {
    var report = StepReport()
    describeLosses(in: &report)
    report.positions = inputs.globalPositions
    report.notes = sums.notes
    report.users = inputs.globalUsers
    report.negatives = inputs.negativeIDs.count
    report.uniqueItems = inputs.rows.count
    report.traffic = inputs.traffic(traffic)
    report.ownedItems = inputs.route.owned.count
    report.balance = routing?.loss
    report.busiestExpert = routing?.busiestShare
    return report
  }
}
