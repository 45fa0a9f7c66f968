import Config
import Host
import Testing
import Training

@testable import Costs

/// What `precise check` finds to look at.
struct VerdictTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld() }

  private func verdict(
    _ changes: String..., total: Double = 1e12, free: Double = 1e12, ranksWithUsers: Int? = nil, slowly: Bool = false,
    isHere: Bool = true
  ) throws -> Verdict {
    // Many users, so that nothing is said of few.
    let text = ConfigWriter.text(try world.config())
    let config = try ConfigReader.read(text: text, name: "test.yaml", overrides: changes)
    let estimates = try StepEstimate.all(config, world.dataset, ranks: 1)
    let run = try RunEstimate(config, world.dataset, estimates)
    let demand = HostDemand(estimates, config, ranks: 1, areThreads: true)
    let memory = HostMemory(holder: "this machine", total: Int(total), free: Int(free), addressSpace: nil)
    let seconds = run.phases.map { _ in
      RunEstimate.Seconds(steps: slowly ? 100 : 300, evaluations: slowly ? 350 : 100, blending: 0)
    }
    return Verdict(config, run, seconds: seconds, on: isHere ? (demand, memory) : nil, ranksWithUsers: ranksWithUsers)
  }

  private func doubts(_ verdict: Verdict, with key: String?) -> [Verdict.Doubt] { verdict.doubts.filter { $0.key == key } }

  @Test func aRunThatIsAsItShouldBe() throws {
    let verdict = try verdict()
    #expect(verdict.fits == true)
    // 120 users, nearly all of whom are evaluated.
    #expect(verdict.doubts.isEmpty, "\(verdict.doubts)")
    #expect(try self.verdict(isHere: false).fits == nil)
  }

  @Test func memoryThatIsNotThere() throws {
    let demand = try self.verdict(total: 1)
    #expect(demand.fits == false && demand.doubts.count == 1 && demand.doubts[0].message.contains("this machine has 1 B"))
    let busy = try verdict(free: 1000)
    #expect(busy.fits == true && busy.doubts.count == 1 && busy.doubts[0].message.contains("are free"))
    #expect(busy.doubts[0].key != nil)
  }

  /// A value that is named fits.
  @Test(arguments: [
    ("model.length", ["model.length=4000", "batch.users=8"]),
    ("batch.users", ["batch.users=6400", "bench.items=3000", "bench.tokens=3", "bench.token_dim=8"]),
    ("evaluation.catalogue_mib", ["bench.items=2_000_000", "bench.tokens=1", "bench.token_dim=2", "universal.log_q=false"]),
  ])
  func aValueThatFits(key: String, changes: [String]) throws {
    func demand(_ changes: [String]) throws -> HostDemand {
      let config = try ConfigReader.read(text: ConfigWriter.text(try world.config()), name: "t", overrides: changes)
      return HostDemand(try StepEstimate.all(config, nil, ranks: 2), config, ranks: 2, areThreads: true)
    }
    let large = try demand(changes)
    let limit = 0.75 * large.expected
    let remedy = try #require(large.remedy(within: limit))
    #expect(remedy.key == key)
    let smaller = try demand(changes + ["\(key)=\(#require(remedy.value))"])
    #expect(smaller.expected <= limit && smaller.expected < large.expected)
  }

  @Test func anEpochOfOneStep() throws {
    let verdict = try verdict("batch.users=5000")
    let doubt = try #require(doubts(verdict, with: "batch.users").first)
    let batch = try #require(doubt.value.flatMap { Int($0) })
    #expect(doubt.message.contains("an epoch of universal is 1 step") && doubt.message.contains("4 steps in all"))
    let smaller = try self.verdict("batch.users=\(batch)")
    #expect(batch > 1 && batch & (batch - 1) == 0 && doubts(smaller, with: "batch.users").isEmpty)
  }

  /// Batches are not made smaller for all phases because of a small one.
  @Test func aTargetedPhaseOfOneStepAndFewUsers() throws {
    let like = "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 2}]"
    let users = try StepEstimate.all(try world.config(like), world.dataset, ranks: 1).compactMap(\.participants)
    #expect(users.count == 2 && users[1] < users[0] && users[1] < 100)
    let verdict = try verdict(like, "batch.users=\(users[1])")
    #expect(doubts(verdict, with: "batch.users").isEmpty)
    #expect(doubts(verdict, with: "targeted.0.epochs").count == 1)
    let few = doubts(verdict, with: nil)
    #expect(few.count == 1 && few[0].message.contains("like is trained on") && few[0].message.contains("an error of"))
  }

  @Test func aWarmUpThatNeverEnds() throws {
    let verdict = try verdict("optimizer.warmup=0.9")
    #expect(doubts(verdict, with: "optimizer.warmup").first?.value == "0.05")
    #expect(try doubts(self.verdict("optimizer.warmup=0.5"), with: "optimizer.warmup").isEmpty)
  }

  /// Evaluations of 350 s beside steps of 100 s: at every fourth epoch they take less.
  @Test func evaluationsThatTakeMostOfTheTime() throws {
    let verdict = try verdict("universal.epochs=20", slowly: true)
    let doubt = try #require(doubts(verdict, with: "evaluation.every_epochs").first)
    #expect(doubt.value == "4" && doubt.message.contains("78 %"))
    // With fewer epochs than that, once at the end.
    #expect(try doubts(self.verdict("universal.epochs=4", slowly: true), with: "evaluation.every_epochs").first?.value == "0")
    // An evaluation a phase is not too many.
    let rare = try self.verdict("evaluation.every_epochs=0", slowly: true)
    #expect(doubts(rare, with: nil).count == 1 && doubts(rare, with: nil)[0].message.contains("one a phase"))
  }

  @Test func ranksWithoutUsers() throws {
    #expect(try doubts(verdict(ranksWithUsers: 4), with: "--ranks").first?.value == "4")
  }
}
