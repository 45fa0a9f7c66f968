import Collectives
import Config
import Datasets
import Runs
import Synchronization
import Tensors
import Testing

@testable import Training

struct SharedNegativesTests {
  /// log q is the same bits however many items the ranks add up at a time, and near that of one rank.
  @Test(arguments: [0, 1], [2, 3]) func piecesOfTheCatalogueGiveTheSameLogQ(phase: Int, ranks: Int) throws {
    let world = try TrainingWorld()
    let config = try world.config(
      "universal.negatives_from=mixed",
      "targeted=[{name: like, behavior: \(world.behavior), history: all, negatives: 40, objective: {bpr: 1, softmax: 1}}]")
    let dataset = world.dataset
    let found = Mutex<[Int: [[Float]]]>([:])
    for (size, pieces) in [(1, [1 << 20]), (ranks, [1 << 20, 5, 17, dataset.items.count])] {
      try RankThreads.run(ranks: size) { communicator in
        let plan = PhasePlan.all(config, dataset)[phase]
        let source = try plan.batches(dataset, config, communicator: communicator)
        let sampler = try #require(plan.negatives(config, trainCounts: dataset.items.trainCounts))
        for itemsAtATime in pieces {
          let negatives = try SharedNegatives(
            sampler, of: source, shardCount: dataset.shardCount, isCorrected: true, itemsAtATime: itemsAtATime,
            communicator: communicator)
          let ids = NumberList<Int32>()
          for item in 0..<Int32(dataset.items.count) { ids.append(item) }
          let workspace = Workspace()
          let values = try #require(negatives.logQ(of: ids.values, workspace: workspace))
          let list = Array(UnsafeBufferPointer(start: values, count: ids.count))
          found.withLock { $0[size, default: []].append(list) }
        }
      }
    }
    let all = found.withLock { $0 }
    let (alone, together) = (try #require(all[1]?.first), try #require(all[ranks]))
    #expect(together.count == 4 * ranks && Set(alone).count > 10)
    #expect(together.allSatisfy { $0.map(\.bitPattern) == together[0].map(\.bitPattern) })
    for (one, several) in zip(alone, together[0]) { #expect(abs(one - several) < 1e-5) }
  }
}
