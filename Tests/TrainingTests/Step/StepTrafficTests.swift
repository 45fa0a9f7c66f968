import Collectives
import Config
import Datasets
import Host
import Model
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Costs
@testable import Runs
@testable import Training

/// The formula of a step's bytes against the bytes that were counted.
struct StepTrafficTests {
  private let world: TrainingWorld
  private static let steps = 4

  init() throws {
    world = try TrainingWorld()
  }

  /// The formula and the count of one step of one rank.
  private struct Sample {
    var rank: Int
    var formula: StepTraffic
    var counted: [Int]
  }

  private func config(_ change: String) throws -> RunConfig {
    let bpr = change == "no bpr" ? 0 : 1
    var config = try world.config(
      "targeted=[{name: like, behavior: \(world.behavior), history: all, negatives: 40, objective: {bpr: \(bpr), softmax: 1}}]")
    switch change {
    case "bf16 wire": config.compute.gradientWire = .bf16
    case "no text": config.model.semanticDim = 0
    // 5 + losses + 2 · 80 + 1 doubles are too many to be sent whole to everybody.
    case "many experts": config.model.experts = 80
    // Shares of several buckets differ by an element each.
    case "many buckets": (config.model.idDim, config.model.semanticDim) = (64, 64)
    case "uniform": (config.universal.negativesFrom, config.targeted[0].negativesFrom) = (.uniform, .uniform)
    default: break
    }
    return config
  }

  /// A few steps of a phase on some ranks.
  private func samples(_ config: RunConfig, phase: Int, ranks: Int) throws -> [Sample] {
    let dataset = world.dataset
    let all = Mutex<[Sample]>([])
    try RankThreads.run(ranks: ranks) { communicator in
      let plan = PhasePlan.all(config, dataset)[phase]
      let states = try ModelFactory.tokenStates(config, dataset)
      let model = try ModelFactory.make(config, dataset, states, communicator: communicator, userHead: plan.userHead)
      let source = try plan.batches(dataset, config, communicator: communicator)
      let negatives = try plan.negatives(config, items: dataset.items.count).map {
        try SharedNegatives(
          $0, of: source, shardCount: dataset.shardCount, isCorrected: false, communicator: communicator)
      }
      let step = TrainStep(
        model, plan: plan, config: config, precision: .fp32, steps: Self.steps, source: source, negatives: negatives,
        communicator: communicator)
      for number in 0..<Self.steps {
        communicator.state.resetTraffic()
        let report = try step.run(number)
        let sample = Sample(rank: communicator.rank, formula: report.traffic, counted: communicator.state.traffic.bytes)
        all.withLock { $0.append(sample) }
      }
    }
    return all.withLock { $0 }
  }

  @Test(arguments: ["", "bf16 wire", "no text", "many experts", "many buckets", "uniform", "no bpr"], [2, 3])
  func theFormulaIsWhatIsSent(change: String, ranks: Int) throws {
    for phase in 0..<2 {
      let samples = try samples(config(change), phase: phase, ranks: ranks)
      #expect(samples.count == ranks * Self.steps)
      for kind in Traffic.allCases where kind != .rowNumbers && kind != .negatives {
        for sample in samples {
          #expect(sample.formula.bytes(of: kind) == Double(sample.counted[kind.rawValue]), "\(kind), phase \(phase)")
        }
      }
      // These travel while the step before computes, so only all steps together have sent what all steps need.
      for kind in [Traffic.rowNumbers, .negatives] {
        for rank in 0..<ranks {
          let own = samples.filter { $0.rank == rank }
          let (formula, counted) = (
            own.reduce(0) { $0 + $1.formula.bytes(of: kind) }, own.reduce(0) { $0 + $1.counted[kind.rawValue] }
          )
          #expect(formula == Double(counted) && counted > 0, "\(kind), phase \(phase)")
        }
      }
      let users = samples.reduce(0) { $0 + $1.counted[Traffic.users.rawValue] }
      #expect((users > 0) == (phase == 1 && change != "no bpr"))
    }
  }

  /// An estimate knows no rank: the mean over the ranks, and foreign rows by chance.
  @Test(arguments: [2, 3]) func theMeanOfTheRanksNeedsNoRank(ranks: Int) throws {
    let samples = try samples(config(""), phase: 1, ranks: ranks)
    var mean = try #require(samples.first).formula
    mean.rank = nil
    for kind in [Traffic.denseGradients, .sums] {
      let total = samples.reduce(0) { $0 + $1.counted[kind.rawValue] }
      #expect(abs(mean.bytes(of: kind) * Double(samples.count) - Double(total)) < 1e-6 * Double(total))
    }
    let (foreign, given) = (samples.reduce(0) { $0 + $1.formula.foreignRows }, samples.reduce(0) { $0 + $1.formula.givenRows })
    #expect(foreign == given && foreign > 0)
  }

  /// The formulas as people read them, in `precise check` and in the page about it, say what the numbers say.
  @Test(arguments: [2, 3, 8], [false, true]) func theTextOfTheFormulaIsTheFormula(ranks: Int, isTargeted: Bool) throws {
    var config = RunConfig()
    (config.model.experts, config.compute.gradientWire, config.bench) = (5, ranks == 3 ? .bf16 : .fp32, BenchConfig())
    (config.universal.negatives, config.universal.negativesFrom) = (.count(300), .mixed)
    if isTargeted {
      var phase = TargetedConfig()
      (phase.objective.bpr, phase.objective.softmax) = (1, 1)
      config.targeted = [phase]
    }
    let plan = try #require(PhasePlan.all(config).last)
    let traffic = StepEstimate(config, plan, EstimateFacts(config), ranks: ranks).traffic
    #expect(traffic.ranksUsers == isTargeted && traffic.foreignRows > 0 && traffic.draws > 0)
    let letters: [String: Double] = [
      "R": Double(ranks), "F": traffic.foreignRows, "A": traffic.givenRows, "d": Double(traffic.width),
      "b_g": Double(traffic.gradientBytes), "P": Double(traffic.parameters), "N_b": traffic.draws * Double(ranks),
      "B": traffic.allUsers, "losses": Double(plan.objective(config).terms.count), "K": 5,
    ]
    let page = try Fixtures.page("docs/scaling.md").replacing("−", with: "-")
    for kind in Traffic.allCases where kind != .users || isTargeted {
      let text = StepTraffic.formula(of: kind)
      let value = try #require(FormulaText(text).value(letters), "\(text)")
      #expect(abs(value - traffic.bytes(of: kind)) <= 1e-9 * value, "\(kind): \(text) is \(value)")
      if kind != .other { #expect(page.contains("`\(text)`"), "docs/scaling.md does not say \(text)") }
    }
  }

  @Test func oneRankSendsNothing() throws {
    for phase in 0..<2 {
      for sample in try samples(config(""), phase: phase, ranks: 1) {
        #expect(sample.counted.allSatisfy { $0 == 0 } && sample.formula.total == 0)
      }
    }
  }
}
