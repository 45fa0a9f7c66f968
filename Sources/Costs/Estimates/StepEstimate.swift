import Collectives
package import Config
package import Datasets
import Host
import Model
package import Runs
import Tensors
import Texts
package import Training

/// What a phase of a configuration takes on a number of ranks: memory, bytes on the wire, seconds a step; nothing is run.
///
/// docs/scaling.md has the formula, the measured constants, and how far off it has been.
package struct StepEstimate: Sendable {
  /// How a job lies on hosts, and what joins them.
  package struct Network: Sendable, Equatable {
    /// Gb/s of a host.
    package var gigabits: Double
    /// Ranks on a host, which share its link.
    package var ranksPerHost = 1

    /// Describes a network.
    package init(gigabits: Double, ranksPerHost: Int = 1) {
      self.gigabits = gigabits
      self.ranksPerHost = ranksPerHost
    }
  }

  /// Seconds of a step.
  package struct Time: Sendable, Equatable {
    /// The products of what a rank computes; all that it computes where the speed of whole steps was given.
    package var products: Double
    /// What stands between the products: rows, activations and gradients on their way from part to part.
    package var moved: Double
    /// Embeddings and their gradients, users and sums: a rank waits for them.
    package var blocking: Double
    /// What does not hide of the dense gradients behind backward, and of the next step's numbers behind the step.
    package var unhidden: Double
    /// What messages to other hosts take besides their bytes: a rank's own work, whatever it waits for.
    package var messages: Double
    /// What a rank computes.
    package var compute: Double { products + moved }
    /// The whole step.
    package var total: Double { compute + blocking + unhidden + messages }
  }

  /// The phase's name.
  package let phase: String
  /// What the step is made of.
  package let size: StepSize
  /// P, dense parameters with padding.
  package let parameters: Int
  /// Bytes that a rank sends in a step.
  package let traffic: StepTraffic
  /// Bytes that a rank holds.
  package let memory: MemoryEstimate
  /// Floating-point operations of a rank's matrix products in a step, in 10^9.
  package let gigaflop: Double
  /// Users that take part in the phase; nil without a data set.
  package let participants: Int?
  /// Steps of an epoch; nil without a data set.
  package let stepsPerEpoch: Int?
  /// What a rank computes in a step, as a mean over the phase.
  let work: Work
  /// The same part by part.
  let costs: StepCosts
  let shape: ModelShape
  let facts: EstimateFacts
  /// When ranks send by host.
  let byHost: ComputeConfig.ByHost

  /// Estimates a phase.
  package init(_ config: RunConfig, _ plan: PhasePlan, _ facts: EstimateFacts, ranks: Int) {
    let shape = ModelFactory.shape(config, facts, userHead: plan.userHead)
    size = StepSize(plan, facts, ranks: ranks)
    phase = plan.name
    byHost = config.compute.byHost
    memory = MemoryEstimate(config, plan, facts, shape, size)
    gigaflop = StepProducts(shape, size).operations * 1e-9
    (participants, stepsPerEpoch) = (facts.participants, facts.stepsPerEpoch)
    (self.shape, self.facts) = (shape, facts)
    costs = StepCosts(
      config, plan, facts, shape, size, precision: config.compute.precision,
      tokensTrained: Self.tokensTrained(config, plan))
    work = Work(costs, config.compute.precision)
    traffic = Self.traffic(config, plan, facts, shape, size)
    parameters = traffic.parameters
  }

  /// The share of a phase's steps that train token states.
  private static func tokensTrained(_ config: RunConfig, _ plan: PhasePlan) -> Double {
    let rates = PhaseLearningRates(plan, config, steps: 1000)
    return Double((0..<1000).count { rates.rows(at: $0).token != nil }) / 1000
  }

  /// Every phase of a configuration, of a data set or, without one, of made-up items.
  ///
  /// Throws `InputError` on a damaged shard or record of an encoding.
  ///
  /// - Parameters:
  ///   - selection: only the phases that `--phase` selects and that make steps; nil = every phase.
  ///   - rank: looks at the virtual shards of this rank, for all of them; nil = looks at all.
  package static func all(
    _ config: RunConfig, _ dataset: Dataset?, only selection: String? = nil, ranks: Int, seenBy rank: Int? = nil
  ) throws -> [StepEstimate] {
    guard let dataset else {
      let facts = EstimateFacts(config)
      return PhasePlan.all(config).map { StepEstimate(config, $0, facts, ranks: ranks) }
    }
    let record = config.model.semanticDim > 0 ? try EncodingRecord(folder: dataset.path) : nil
    let shards = rank.map { ShardRuns.shards(of: $0, ranks: ranks, count: dataset.shardCount) }
    let plans = PhasePlan.all(config, dataset)
    let selected = selection == nil ? plans : PhasePlan.selected(plans, selection).map(\.plan).filter(\.makesSteps)
    return try selected.map { plan in
      StepEstimate(config, plan, try EstimateFacts(config, plan, dataset, record, shards: shards), ranks: ranks)
    }
  }

  /// The time of a step.
  ///
  ///     compute  = operations of products / their rate + bytes between them / their rate + overhead
  ///                or, where the speed of whole steps is given, GFLOP of the products / GFLOP/s of whole steps
  ///     link(b)  = b · f · h / speed, f = (R − h) / (R − 1) of the bytes leave a host of h ranks
  ///     own(b)   = b / software: a rank's own core moves its bytes, so even what travels meanwhile takes this
  ///     blocking = max(link, own)(embeddings + their gradients + users + sums)
  ///     unhidden = max(own, link − backward)(dense gradients) + max(own, link − compute)(row numbers + negatives)
  ///     messages = messages to other hosts · message
  package func time(on network: Network, _ constants: Constants = Constants()) -> Time {
    let products = constants.gigaflops.map { gigaflop / $0 } ?? work.products(constants)
    let moved = constants.gigaflops == nil ? work.moved(constants) : 0
    let compute = products + moved
    let (ranks, onHost) = (Double(size.ranks), Double(min(network.ranksPerHost, size.ranks)))
    let leaving = size.ranks > 1 ? (ranks - onHost) / (ranks - 1) * onHost : 0
    func send(_ kinds: Traffic..., hiding: Double = 0) -> Double {
      let bytes = kinds.reduce(0) { $0 + traffic.bytes(of: $1) }
      return max(bytes / constants.software, bytes * leaving / (network.gigabits * 0.125e9) - hiding)
    }
    return Time(
      products: products, moved: moved,
      blocking: send(.embeddings, .embeddingGradients, .users, .sums),
      unhidden: send(.denseGradients, hiding: constants.backwardShare * compute)
        + send(.rowNumbers, .negatives, hiding: compute),
      messages: messages(on: network) * constants.message)
  }

  private static func traffic(
    _ config: RunConfig, _ plan: PhasePlan, _ facts: EstimateFacts, _ shape: ModelShape, _ size: StepSize
  ) -> StepTraffic {
    var traffic = StepTraffic(shape, plan.objective(config).terms, wire: config.compute.gradientWire)
    traffic.ranks = size.ranks
    // Owners are assigned by row, regardless of who wants it.
    traffic.foreignRows = (1 - 1 / Double(size.ranks)) * size.wanted
    traffic.givenRows = traffic.foreignRows
    traffic.draws = size.draws
    traffic.users = size.users
    traffic.allUsers = Double(facts.users)
    return traffic
  }
}
