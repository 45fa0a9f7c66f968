import Foundation
import Tensors
import Testing

@testable import Batches

struct NegativeSamplerTests {
  private let world: BatchWorld

  init() throws {
    world = try BatchWorld(users: 80, shards: 7, seed: 3)
  }

  private func batch(_ shards: Range<Int>, step: Int) throws -> SequenceBatch {
    let source = try UniversalBatches(
      world.dataset, shards: shards, usersPerShard: 3, length: 4, window: .latest, seed: 1)
    let batch = SequenceBatch()
    source.fill(batch, step: step)
    return batch
  }

  private func sampler(_ count: Int?, _ source: NegativeSampler.Source, items: Int = 500) -> NegativeSampler {
    NegativeSampler(count: count, source: source, items: items, seed: 11)
  }

  private func draw(_ sampler: NegativeSampler, _ shards: Range<Int>, step: Int) throws -> [Int32] {
    let list = NumberList<Int32>()
    sampler.drawFromBatch(try batch(shards, step: step), shards: shards, shardCount: 7, step: step, into: list)
    return Array(list.values)
  }

  @Test(arguments: [1, 6, 7, 50, 64, 1_000])
  func everyShardGivesItsShareAndTheySumToN(count: Int) throws {
    let sampler = sampler(count, .batch)
    var sum = 0
    for shard in 0..<7 {
      let share = try draw(sampler, shard..<shard + 1, step: 0)
      #expect(share.count == count / 7 || share.count == count / 7 + 1)
      #expect(try share.allSatisfy { try world.place($0).shard == shard })
      sum += share.count
    }
    #expect(sum == count)
  }

  @Test func drawsDoNotDependOnTheDivisionOverRanks() throws {
    let sampler = sampler(100, .batch)
    for step in 0..<5 {
      let whole = try draw(sampler, 0..<7, step: step)
      for ranks in [2, 3, 7] {
        #expect(try world.divisions(ranks).flatMap { try draw(sampler, $0, step: step) } == whole)
      }
      #expect(try draw(sampler, 0..<7, step: step + 1) != whole)
    }
  }

  @Test func drawsAreItemsOfTheBatchAndItsTargets() throws {
    let batch = try batch(0..<7, step: 2)
    let shown = Set(batch.items.values).union(batch.targets.values)
    let drawn = try Set(draw(sampler(20_000, .batch), 0..<7, step: 2))
    #expect(drawn == shown)
  }

  @Test func sourcesDivideN() {
    func halves(_ count: Int?, _ source: NegativeSampler.Source) -> [Int] {
      let sampler = sampler(count, source)
      return [sampler.fromBatch, sampler.fromCatalogue]
    }
    #expect(halves(9, .batch) == [9, 0])
    #expect(halves(9, .uniform) == [0, 9])
    #expect(halves(9, .mixed) == [4, 5])
    #expect(halves(nil, .mixed) == [0, 0])
  }

  @Test func theCatalogueIsDrawnUniformly() {
    let list = NumberList<Int32>()
    let sampler = sampler(4_000, .uniform, items: 10)
    sampler.drawFromCatalogue(step: 1, into: list)
    #expect(list.count == 4_000)
    let counts = list.values.reduce(into: [Int](repeating: 0, count: 10)) { $0[Int($1)] += 1 }
    // 400 expected, standard deviation 19.
    #expect(counts.allSatisfy { (310...490).contains($0) })
    let again = NumberList<Int32>()
    sampler.drawFromCatalogue(step: 2, into: again)
    #expect(Array(again.values) != Array(list.values))
  }

  @Test func allIsTheWholeCatalogueWithoutDraws() throws {
    let list = NumberList<Int32>()
    sampler(nil, .batch, items: 6).drawFromCatalogue(step: 0, into: list)
    #expect(Array(list.values) == [0, 1, 2, 3, 4, 5])
    #expect(try draw(sampler(nil, .mixed), 0..<7, step: 0).isEmpty)
    #expect(sampler(nil, .batch).logChance(share: 0.1) == 0)
  }

  /// An item's chance to be among a step's negatives at least once, against 20,000 steps of drawing.
  @Test(arguments: [NegativeSampler.Source.batch, .uniform, .mixed])
  func chancesAreThoseOfASimulation(source: NegativeSampler.Source) {
    let shares: [Int32] = [8, 4, 2, 1, 1]
    let batch = SequenceBatch()
    for (item, count) in shares.enumerated() {
      for _ in 0..<count { batch.append(item: Int32(item), scene: 0, behavior: 0) }
    }
    batch.endSequence(slot: 0)
    batch.endShard()
    let sampler = sampler(6, source, items: 12)
    let steps = 20_000
    var met = [Int](repeating: 0, count: 12)
    let list = NumberList<Int32>()
    for step in 0..<steps {
      list.removeAll()
      sampler.drawFromBatch(batch, shards: 0..<1, shardCount: 1, step: step, into: list)
      sampler.drawFromCatalogue(step: step, into: list)
      for item in Set(list.values) { met[Int(item)] += 1 }
    }
    for item in 0..<12 {
      let share = item < shares.count ? Double(shares[item]) / 16 : 0
      let chance = exp(Double(sampler.logChance(share: share)))
      // Five standard deviations of 20,000 draws are below 0.018.
      #expect(abs(Double(met[item]) / Double(steps) - chance) < 0.018, "item \(item)")
    }
  }

  @Test(arguments: [0.0, 1e-9, 0.5, 1.0])
  func chancesAreFiniteAndAtMostOne(share: Double) {
    for source in [NegativeSampler.Source.batch, .uniform, .mixed] {
      let value = sampler(2_048, source).logChance(share: share)
      #expect(value.isFinite && value <= 0)
    }
  }
}
