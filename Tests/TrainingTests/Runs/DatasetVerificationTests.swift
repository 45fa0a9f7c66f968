import Collectives
import Datasets
import Files
import Foundation
import Synchronization
import TestSupport
import Testing
import Texts

@testable import Runs

/// What a run compares with checksums before it trains.
struct DatasetVerificationTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld() }

  /// What each rank says of the data set.
  private func verify(ranks: Int) throws -> [String] {
    let dataset = try Dataset(path: world.dataset.path)
    let said = Mutex([String](repeating: "", count: ranks))
    try RankThreads.run(ranks: ranks) { communicator in
      do {
        try DatasetVerification(dataset, TokenStates(dataset: dataset)).run(communicator)
      } catch { said.withLock { $0[communicator.rank] = "\(error)" } }
    }
    return said.withLock { $0 }
  }

  /// Changes a byte of a file's numbers, which stay numbers that could be.
  private func damage(_ name: String) throws {
    let file = URL(fileURLWithPath: "\(world.dataset.path)/\(name)")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: file)
  }

  @Test(arguments: [1, 2, 3]) func whatIsSoundIsTakenFor(ranks: Int) throws {
    #expect(try verify(ranks: ranks) == [String](repeating: "", count: ranks))
  }

  @Test(arguments: [1, 2, 3], ["shards/shard-00003.safetensors", "token_states.safetensors", "items.safetensors"])
  func everyRankSaysWhichFileIsDamaged(ranks: Int, name: String) throws {
    try damage(name)
    for said in try verify(ranks: ranks) { #expect(said.contains("/\(name) has checksum "), "\(said)") }
  }

  @Test func aRunThatIsToStopDoesNotReadOn() throws {
    #expect(throws: StoppedEarly.self) {
      try DatasetVerification(world.dataset, nil).run(SoloCommunicator()) { throw StoppedEarly() }
    }
  }
}
