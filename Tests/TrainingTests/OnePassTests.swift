import Checkpoints
import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing
import Training

@testable import Config
@testable import Runs

/// An epoch of a phase is one pass over its users, on any number of ranks; a phase without users is refused, one without gain says so.
struct OnePassTests {
  private let world: TrainingWorld

  init() throws {
    world = try TrainingWorld()
  }

  /// The ids of a phase's users, found without batches.
  private func users(_ plan: PhasePlan) throws -> [String] {
    try (0..<world.dataset.shardCount).flatMap { number in
      let shard = try world.dataset.shard(number)
      return (0..<shard.userCount).filter { user in
        let events = shard.events(user)
        return events.trainCount >= 2
          && (plan.kind.isUniversal || (1..<events.trainCount).contains { plan.evaluated.matches(events, $0) })
      }.map(shard.id)
    }.sorted()
  }

  /// Counts every user of every epoch.
  @Test(arguments: [1, 2, 3, 7], [1, 7, 32, 1000]) func everyUserExactlyOnceAnEpoch(ranks: Int, batch: Int) throws {
    let config = try world.config("batch.users=\(batch)", "targeted=[{name: like, behavior: \(world.behavior), epochs: 2}]")
    let dataset = world.dataset
    for plan in PhasePlan.all(config, dataset) {
      let expected = try users(plan)
      #expect(expected.count > 40 && (batch == 1 || batch == 1000 || expected.count % batch != 0))
      let met = Mutex<[[String: Int]]>([[:], [:], [:]])
      try RankThreads.run(ranks: ranks) { communicator in
        let source = try plan.batches(dataset, config, communicator: communicator)
        let (steps, sequences) = (source.order.stepsPerEpoch, SequenceBatch())
        for step in 0..<3 * steps {
          source.fill(sequences, step: step)
          let ids = source.userIDs(step: step)
          #expect(ids.count == sequences.users)
          met.withLock { for id in ids { $0[step / steps][id, default: 0] += 1 } }
        }
      }
      for epoch in met.withLock({ $0 }) { #expect(epoch.keys.sorted() == expected && epoch.values.allSatisfy { $0 == 1 }) }
    }
  }

  /// What a run says, line by line.
  private func lines(_ config: RunConfig, of name: String, resuming: Bool = false) throws -> [String] {
    let said = Mutex("")
    _ = try world.leg(config, of: name, resuming: resuming) { text in said.withLock { $0 += text } }
    return said.withLock { $0 }.split(whereSeparator: \.isNewline).map(String.init)
  }

  @Test func everyPhaseEndsWithItsResult() throws {
    let phase =
      "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 2, negatives: 40, learning_rate_scale: 1e-9}]"
    let lines = try lines(world.config(phase), of: "results")
    let run = try world.run("results")
    let universal = try run.checkpoint(try run.phase(named: "universal")).manifest
    #expect(universal.step > 0)
    let score = try #require(universal.score)
    #expect(
      lines.contains {
        $0.hasSuffix("Result: step \(universal.step) of 16, validation ndcg@10 \(String(format: "%.4f", score))")
      }, "\(lines)")
    // A phase that hardly moves cannot beat its start.
    #expect(
      lines.last?.contains("Result: step 0. Nothing was learned: it keeps the universal phase's numbers") == true, "\(lines)")
    #expect(lines.filter { $0.contains("Result:") }.count == 2)
  }

  /// A behavior that only first events have: nobody has one with another before it.
  @Test func aPhaseWithoutUsersIsRefusedBeforeAnythingIsTrained() throws {
    var builder = DatasetBuilder()
    let folder = try world.directory("lonely").path
    for user in 0..<6 {
      for event in 0..<6 {
        builder.addEvent(
          user: "u\(user)", item: "i\((user + event) % 7)", seconds: event,
          behavior: event == 0 ? "join" : user == 0 && event == 2 ? "share" : "view")
      }
    }
    let dataset = try builder.write(to: "\(folder)/d")
    func check(_ changes: String..., only: String? = nil) throws -> [String] {
      let config = try ConfigReader.read(text: ConfigWriter.text(world.config()), name: "c", overrides: changes)
      let said = Mutex<[String]>([])
      try RankThreads.run(ranks: 3) { communicator in
        try PhasePlan.checkUsers(config, dataset, only: only, communicator: communicator) { note in
          said.withLock { $0.append(note) }
        }
        try communicator.barrier()
      }
      return said.withLock { $0 }
    }
    func refusal(_ changes: String, only: String? = nil) -> String {
      do { return "said \(try check(changes, only: only))" } catch { return "\(error)" }
    }
    #expect(try check() == ["note: batch.users is 32, but only 6 users take part in universal: a step takes 6"])
    #expect(try check("batch.users=6") == [])
    let lonely = "targeted=[{name: a, behavior: view}, {name: b, behavior: join}]"
    #expect(refusal(lonely).contains("targeted.1: no user has a training event of behavior join with another before it"))
    #expect(refusal(lonely, only: "b").contains("targeted.1: ") && refusal(lonely, only: "a").contains("said"))
    #expect(refusal("targeted=[{name: b, behavior: join, epochs: 0}]").contains("said"))
    #expect(refusal("targeted=[{name: c, behavior: share, objective: {bpr: 1}}]").contains("cross-user BPR needs two"))
    #expect(refusal("targeted=[{name: c, behavior: share}]").contains("only 1 user takes part in c: a step takes 1"))
    let config = try world.config("targeted=[{name: b, behavior: join, history: all}]", "model.semantic_dim=0", "model.heads=1")
    #expect(throws: InputError.self) { try world.leg(config, of: "none", on: dataset) }
  }

  @Test func cataloguesOfAnySizeAreEvaluated() throws {
    for items in 1...6 {
      var builder = DatasetBuilder()
      let folder = try world.directory("small \(items)").path
      for user in 0..<7 {
        for event in 0..<6 { builder.addEvent(user: "u\(user)", item: "i\((user + event) % items)", seconds: event) }
      }
      let dataset = try builder.write(to: "\(folder)/d")
      var config = try world.config("targeted=[{name: all, negatives: 4}]", "model.semantic_dim=0", "model.heads=1")
      (config.evaluation.cutoffs, config.evaluation.selectBy) = (nil, "ndcg@10")
      #expect(try world.leg(config, of: "run \(items)", on: dataset) == .finished)
      let run = try world.run("run \(items)")
      let manifest = try run.checkpoint(try run.phase(named: "all")).manifest
      #expect(manifest.selectedBy == "ndcg@\(items)" && (manifest.score ?? -1) > 0)
      #expect(
        try RunEvaluation(run).evaluate(run.phase(named: "all"), .test)[0].metrics.cutoffs == (items == 6 ? [5, 6] : [items]))
    }
  }

  /// A checkpoint of a version before rules had numbers is gone on from, with a warning; its numbers are as good as ever.
  @Test func anEarlierRuleIsSaid() throws {
    let config = try world.config("checkpoint.every_steps=3")
    _ = try world.leg(config, of: "early", stopAfter: 6)
    let store = CheckpointStore(path: try world.run("early").directory.checkpointsPath(phase: "universal"))
    let newest = try #require(store.all().last)
    #expect((1..<newest.manifest.steps).contains(newest.manifest.step) && newest.manifest.order == EpochOrder.rule)
    #expect(try !lines(config, of: "early", resuming: true).contains { $0.contains("earlier version") })

    _ = try world.leg(config, of: "earlier", stopAfter: 6)
    let earlier = CheckpointStore(path: try world.run("earlier").directory.checkpointsPath(phase: "universal"))
    for checkpoint in earlier.all() { try forgetRule(of: checkpoint.path) }
    let said = try lines(config, of: "earlier", resuming: true).filter { $0.contains("earlier version") }
    #expect(said.count == 1 && said[0].contains("universal goes on by the new one"), "\(said)")
    // Whoever is finished has nothing left to be drawn.
    for checkpoint in earlier.all() { try forgetRule(of: checkpoint.path) }
    #expect(try !lines(config, of: "earlier", resuming: true).contains { $0.contains("earlier version") })
  }

  /// Writes a manifest again as versions before did: without the rule, and sealed without it.
  private func forgetRule(of path: String) throws {
    let file = URL(fileURLWithPath: "\(path)/\(CheckpointManifest.fileName)")
    var text = try String(contentsOf: file, encoding: .utf8)
    text.replace(/\ *"order" : \d+,\n/, with: "")
    text.replace(/"seal" : "[0-9a-f]*"/, with: "\"seal\" : \"\"")
    let seal = text.utf8.withContiguousStorageIfAvailable { CRC32.of(UnsafeRawBufferPointer($0)) } ?? 0
    text.replace("\"seal\" : \"\"", with: "\"seal\" : \"\(String(format: "%08x", seal))\"")
    try text.write(to: file, atomically: true, encoding: .utf8)
  }
}
