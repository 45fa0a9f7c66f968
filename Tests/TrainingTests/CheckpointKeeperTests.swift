import Checkpoints
import Collectives
import Config
import Files
import Foundation
import Model
import TestSupport
import Testing

@testable import Training

/// When a phase's checkpoints are written, which of them stay, and what becomes of those that cannot be.
struct CheckpointKeeperTests {
  private let folder: TemporaryFolder
  private let store: CheckpointStore
  private let contents: CheckpointContents

  init() throws {
    folder = try TemporaryFolder()
    store = CheckpointStore(path: folder.file("checkpoints"))
    let world = try TrainingWorld()
    let model = try world.model(try world.config())
    contents = CheckpointContents(
      model, optimizer: AdamW(model.parameters, options: .init()), configuration: "seed: 5\n", itemKey: { UInt64($0) << 40 },
      vocabulary: .init())
  }

  private func keeper(in store: CheckpointStore? = nil, _ change: (inout CheckpointConfig) -> Void = { _ in }) throws
    -> CheckpointKeeper
  {
    var config = CheckpointConfig()
    change(&config)
    return try CheckpointKeeper(config, contents, store: store ?? self.store, communicator: SoloCommunicator())
  }

  private func manifest(_ step: Int, score: Double? = nil) -> CheckpointManifest {
    CheckpointManifest(
      phase: "universal", step: step, steps: 20, epoch: 1, updates: step, isEvaluated: true, dataset: "d", items: 60,
      selectedBy: score == nil ? nil : "mrr", score: score)
  }

  private var steps: [Int] { store.all().map(\.manifest.step) }

  /// Takes a checkpoint as far as this rank can: its files are written.
  private func write(_ keeper: CheckpointKeeper) throws {
    while keeper.isBehind {
      try keeper.advance()
      usleep(1000)
    }
  }

  @Test func whenOneIsDue() throws {
    let bySteps = try keeper { ($0.everySteps, $0.everyMinutes) = (3, nil) }
    #expect((1...7).filter(bySteps.isDue) == [3, 6] && !bySteps.isTimeToSave)
    let byClock = try keeper { ($0.everySteps, $0.everyMinutes) = (nil, 1e-9) }
    #expect(!(1...7).contains(where: byClock.isDue) && byClock.isTimeToSave)
    #expect(try !keeper { $0.everyMinutes = 600 }.isTimeToSave)
  }

  @Test func theBestIsKnown() throws {
    let keeper = try keeper()
    #expect(keeper.isBest(0) && !keeper.isBest(nil))
    keeper.learn(0.25, step: 3)
    keeper.learn(nil, step: 4)
    keeper.learn(0.125, step: 5)
    keeper.learn(0.25, step: 6)
    #expect(keeper.best?.step == 3)
    #expect(!keeper.isBest(0.25) && keeper.isBest(0.26))
    #expect(try !self.keeper { $0.keepBest = 0 }.isBest(1))
    _ = try keeper.keep(manifest(1, score: 0.5), mustExist: true)
    // One that goes on finds it in what is there.
    let later = try self.keeper()
    #expect(!later.isBest(0.5) && later.isBest(0.6) && later.best?.step == 1)
  }

  @Test func oneThatMustExistIsThereAtOnce() throws {
    let keeper = try keeper()
    #expect(try keeper.keep(manifest(3), mustExist: true) == .synchronous)
    #expect(steps == [3] && !keeper.isBehind)
    try store.all()[0].verify()
  }

  @Test func anyOtherIsWrittenBesideTraining() throws {
    let keeper = try keeper()
    #expect(try keeper.keep(manifest(3), mustExist: false) == .asynchronous)
    // Another rank may be behind still: nothing is put in place.
    try write(keeper)
    try keeper.afterStep(isBehind: true)
    #expect(steps == [])
    try keeper.afterStep(isBehind: false)
    try keeper.finish()
    #expect(steps == [3])
    try store.all()[0].verify()
    // Nothing is under way: calls have nothing to do.
    try keeper.advance()
    try keeper.afterStep(isBehind: false)
    try keeper.finish()
    #expect(try self.keeper { $0.asynchronous = false }.keep(manifest(4), mustExist: false) == .synchronous)
  }

  @Test func theNewestAndTheBestStay() throws {
    let keeper = try keeper { ($0.keepLast, $0.keepBest) = (1, 1) }
    for (step, score) in [(1, 0.1), (2, 0.3), (3, 0.2), (4, 0.2)] {
      _ = try keeper.keep(manifest(step, score: score), mustExist: step % 2 == 0)
    }
    try keeper.finish()
    #expect(steps == [2, 4])
  }

  /// Where no folder can be made, the run ends only for one that it cannot do without.
  @Test func oneThatCannotBeWritten() throws {
    try folder.write("file", "x")
    let keeper = try keeper(in: CheckpointStore(path: folder.file("file/checkpoints")))
    _ = try keeper.keep(manifest(1), mustExist: false)
    let needed = #expect(throws: InputError.self) { _ = try keeper.keep(manifest(2), mustExist: true) }
    #expect(needed?.description.hasPrefix("the checkpoint after step 2 cannot be written: ") == true)
    #expect(needed?.description.hasSuffix("; make room and go on with --resume") == true)
    let best = #expect(throws: InputError.self) { _ = try keeper.keep(manifest(3, score: 0.5), mustExist: false) }
    #expect(best?.description.hasPrefix("the checkpoint after step 3, the best so far, cannot be written: ") == true)
  }

  /// Its folder goes after its files are written: only the renaming fails, on a thread of its own, and is told later.
  @Test(arguments: [nil, 0.5]) func oneThatCannotBePutInPlace(score: Double?) throws {
    let keeper = try keeper()
    _ = try keeper.keep(manifest(1, score: score), mustExist: false)
    try write(keeper)
    for name in try FileManager.default.contentsOfDirectory(atPath: store.path) {
      try FileManager.default.removeItem(atPath: "\(store.path)/\(name)")
    }
    let told = Result {
      for _ in 0..<500 {
        try keeper.afterStep(isBehind: false)
        usleep(1000)
      }
    }
    switch told {
    case .success: #expect(score == nil && steps == [])
    case .failure(let error): #expect(score != nil && "\(error)".contains("the best so far, cannot be written"), "\(error)")
    }
    // The next one is written as if nothing had been.
    _ = try keeper.keep(manifest(2), mustExist: true)
    #expect(steps == [2])
  }
}

/// The states of a checkpoint, as its writer tells them.
struct CheckpointWriterTests {
  @Test(arguments: [1, 3]) func statesFollowEachOther(ranks: Int) throws {
    let folder = try TemporaryFolder()
    let world = try TrainingWorld()
    let config = try world.config()
    try RankThreads.run(ranks: ranks) { communicator in
      let model = try world.model(config, communicator: communicator)
      let contents = CheckpointContents(
        model, optimizer: AdamW(model.parameters, options: .init()), configuration: "", itemKey: { UInt64($0) },
        vocabulary: .init())
      let writer = CheckpointWriter(contents, ranksOnHost: ranks, communicator: communicator)
      let manifest = CheckpointManifest(
        phase: "universal", step: 1, steps: 2, epoch: 1, updates: 1, isEvaluated: true, dataset: "d", items: 60)
      #expect(writer.state == .idle && !writer.state.isUnderWay)
      #expect(try writer.begin(manifest, at: folder.file("c"), mode: .asynchronous) == nil)
      #expect(writer.state.isUnderWay)
      while writer.state == .writing {
        try writer.advance()
        usleep(1000)
      }
      #expect(writer.state == .written)
      // Ranks tell each other before they settle.
      #expect(try writer.settle(isBehind: true) == nil && writer.state == .written)
      try communicator.barrier()
      #expect(try writer.settle(isBehind: false) == nil && !writer.state.isUnderWay)
      #expect(try writer.finish() == nil && writer.state == .idle)
      #expect(try Checkpoint(path: folder.file("c")).manifest.step == 1)
    }
  }
}
