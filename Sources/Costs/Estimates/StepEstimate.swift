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
  /// What was measured, on one machine; another one has others.
  ///
  /// docs/scaling.md says how.
  package struct Constants: Sendable, Equatable {
    /// GFLOP/s of whole steps of a rank: the step's products over the step's time, `precise bench`.
    package var gigaflops = 167.0
    /// The share of a step that backward takes, behind which dense gradients travel.
    var backwardShare = 0.47
    /// Bytes a second that a rank gets through the network's software, whatever the network, `precise doctor`.
    package var software = 1e9
    /// Seconds that a message to one rank takes besides its bytes.
    package var message = 10e-6

    /// The measured values.
    package init() {}
  }

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
    /// What a rank computes.
    package var compute: Double
    /// Embeddings and their gradients, users and sums: a rank waits for them.
    package var blocking: Double
    /// What does not hide of the dense gradients behind backward, and of the next step's numbers behind the step.
    package var unhidden: Double
    /// The whole step.
    package var total: Double { compute + blocking + unhidden }
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

  /// Estimates a phase.
  package init(_ config: RunConfig, _ plan: PhasePlan, _ facts: EstimateFacts, ranks: Int) {
    let shape = ModelFactory.shape(config, facts, userHead: plan.userHead)
    size = StepSize(plan, facts, ranks: ranks)
    phase = plan.name
    memory = MemoryEstimate(config, plan, facts, shape, size)
    gigaflop = StepProducts(shape, size).operations * 1e-9
    traffic = Self.traffic(config, plan, facts, shape, size)
    parameters = traffic.parameters
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
  ///     compute  = GFLOP of the products / GFLOP/s of whole steps
  ///     link(b)  = b · f · h / speed, f = (R − h) / (R − 1) of the bytes leave a host of h ranks
  ///     own(b)   = b / software: a rank's own core moves its bytes, so even what travels meanwhile takes this
  ///     blocking = max(link, own)(embeddings + their gradients + users + sums) + exchanges · (R − 1) · message
  ///     unhidden = max(own, link − backward)(dense gradients) + max(own, link − compute)(row numbers + negatives)
  package func time(on network: Network, _ constants: Constants = Constants()) -> Time {
    let compute = gigaflop / constants.gigaflops
    let (ranks, onHost) = (Double(size.ranks), Double(min(network.ranksPerHost, size.ranks)))
    let leaving = size.ranks > 1 ? (ranks - onHost) / (ranks - 1) * onHost : 0
    func send(_ kinds: Traffic..., hiding: Double = 0) -> Double {
      let bytes = kinds.reduce(0) { $0 + traffic.bytes(of: $1) }
      return max(bytes / constants.software, bytes * leaving / (network.gigabits * 0.125e9) - hiding)
    }
    let exchanges = traffic.ranksUsers ? 6.0 : 3.0
    return Time(
      compute: compute,
      blocking: send(.embeddings, .embeddingGradients, .users, .sums) + exchanges * (ranks - 1) * constants.message,
      unhidden: send(.denseGradients, hiding: constants.backwardShare * compute)
        + send(.rowNumbers, .negatives, hiding: compute))
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
