import Foundation
import Tensors
import Testing

@testable import Datasets

struct NegativeSamplerTests {
  private let world: BatchWorld

  init() throws {
    world = try BatchWorld(users: 80, shards: 7, seed: 3)
  }

  private func source(_ shards: Range<Int> = 0..<7) throws -> UniversalBatches {
    try UniversalBatches(
      world.dataset, shards: shards, batch: world.batch(21, shards: shards) { $0.trainCount >= 2 }, length: 4, window: .latest,
      seed: 1)
  }

  private func sampler(_ count: Int?, _ source: NegativeSampler.Source, items: Int = 500) -> NegativeSampler {
    NegativeSampler(count: count, source: source, items: items, seed: 11)
  }

  private func draw(_ sampler: NegativeSampler, _ shards: Range<Int> = 0..<7, step: Int) throws -> [Int32] {
    let (source, batch, list) = (try source(shards), SequenceBatch(), NumberList<Int32>())
    source.fill(batch, step: step)
    let (slots, users) = (source.order.slots(of: shards, step: step), source.order.users(of: step))
    sampler.drawFromBatch(batch, slots: slots, users: users, step: step, into: list)
    #expect(list.count == sampler.drawsFromBatch(slots: slots, users: users, step: step))
    return Array(list.values)
  }

  @Test(arguments: [1, 6, 20, 50, 64, 1_000])
  func everyUserGivesItsShareAndTheySumToN(count: Int) throws {
    let sampler = sampler(count, .batch)
    for step in 0..<8 {
      let users = try source().order.users(of: step)
      var given: [Int] = []
      for slot in 0..<users { given.append(sampler.drawsFromBatch(slots: slot..<slot + 1, users: users, step: step)) }
      #expect(given.reduce(0, +) == count && given.allSatisfy { $0 == count / users || $0 == (count + users - 1) / users })
      var owners: [BatchWorld.StepPosition: Int] = [:]
      for item in try draw(sampler, step: step) {
        let index = try world.index(item)
        owners[.init(shard: index.shard, user: index.user, event: 0), default: 0] += 1
      }
      #expect(owners.values.sorted() == given.filter { $0 > 0 }.sorted())
    }
  }

  /// Where the users do not divide N, no slot gives more than another in the long run: slots follow shards.
  @Test func theOddDrawGoesRound() {
    let sampler = sampler(3, .batch)
    var given = [Int](repeating: 0, count: 8)
    for step in 0..<4000 {
      for slot in 0..<8 { given[slot] += sampler.drawsFromBatch(slots: slot..<slot + 1, users: 8, step: step) }
    }
    // 1,500 expected, standard deviation 31.
    #expect(given.reduce(0, +) == 12_000 && given.allSatisfy { (1345...1655).contains($0) }, "\(given)")
  }

  @Test func drawsDoNotDependOnTheDivisionOverRanks() throws {
    let sampler = sampler(100, .batch)
    for step in 0..<5 {
      let whole = try draw(sampler, step: step)
      for ranks in [2, 3, 7] {
        #expect(try world.divisions(ranks).flatMap { try draw(sampler, $0, step: step) } == whole)
      }
      #expect(try draw(sampler, step: step + 1) != whole)
    }
  }

  @Test func drawsAreTheEventsOfTheBatch() throws {
    let batch = SequenceBatch()
    try source().fill(batch, step: 2)
    let shown = Set(batch.items.values).union(batch.targets.values)
    let drawn = try Set(draw(sampler(20_000, .batch), step: 2))
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
    #expect(try draw(sampler(nil, .mixed), step: 0).isEmpty)
    #expect(sampler(nil, .batch).logQ(missed: -0.1) == 0)
  }

  /// Items without a training event are drawn by no source, and the others as often as V' of them are.
  @Test func onlyItemsWithTrainingEventsAreDrawn() {
    let trained: [Int32] = [1, 2, 5, 7, 8]
    let items = TrainedItems(trainCounts: (0..<10).map { trained.contains($0) ? 3 : 0 })
    func list(_ count: Int?, _ source: NegativeSampler.Source) -> [Int32] {
      let list = NumberList<Int32>()
      NegativeSampler(count: count, source: source, items: 10, trained: items, seed: 11).drawFromCatalogue(step: 1, into: list)
      return Array(list.values)
    }
    #expect(list(nil, .batch) == trained && list(nil, .mixed) == trained && list(40, .batch).isEmpty)
    let drawn = list(4_000, .uniform)
    #expect(drawn.count == 4_000 && Set(drawn) == Set(trained) && Set(list(2_000, .mixed)) == Set(trained))
    // 800 expected, standard deviation 25.
    for item in trained { #expect((670...930).contains(drawn.count { $0 == item })) }
    // q of one of five items in three draws.
    let sampler = NegativeSampler(count: 3, source: .uniform, items: 10, trained: items, seed: 11)
    let miss = 0.8 * 0.8 * 0.8
    #expect(sampler.candidates == 5 && abs(exp(Double(sampler.logQ(missed: 0))) - (1 - miss)) < 1e-6)
    #expect(abs(exp(Double(sampler.logQ(missed: log(0.5)))) - (1 - 0.5 * miss)) < 1e-6)
    // All of them: the draws of ever.
    let all = NumberList<Int32>()
    NegativeSampler(
      count: 50, source: .uniform, items: 10, trained: TrainedItems(trainCounts: [UInt32](repeating: 1, count: 10)), seed: 11
    ).drawFromCatalogue(
      step: 1, into: all)
    let plain = NumberList<Int32>()
    self.sampler(50, .uniform, items: 10).drawFromCatalogue(step: 1, into: plain)
    #expect(Array(all.values) == Array(plain.values))
  }

  /// Draws of two phases are two streams, from batches and from the catalogue, though both count steps from 0.
  @Test func everySeedHasItsOwnStream() {
    func draws(_ seed: UInt64) -> [[Int32]] {
      let (sampler, batch) = (NegativeSampler(count: 40, source: .mixed, items: 500, seed: seed), SequenceBatch())
      for item in 0..<100 { batch.append(item: Int32(item), scene: 0, behavior: 0) }
      batch.endSequence(slot: 0)
      batch.targets.append(100)
      let (own, all) = (NumberList<Int32>(), NumberList<Int32>())
      sampler.drawFromBatch(batch, slots: 0..<1, users: 1, step: 0, into: own)
      sampler.drawFromCatalogue(step: 0, into: all)
      return [Array(own.values), Array(all.values)]
    }
    let (a, b) = (draws(1), draws(2))
    #expect(a == draws(1) && a[0] != b[0] && a[1] != b[1])
  }

  @Test(arguments: [0.0, -1e-9, -0.5, -100.0, -Double.infinity])
  func chancesAreFiniteAndAtMostOne(missed: Double) {
    for source in [NegativeSampler.Source.batch, .uniform, .mixed] {
      let value = sampler(2_048, source).logQ(missed: missed)
      #expect(value.isFinite && value <= 0)
    }
  }

  /// Three draws for two users: one or two from each.
  @Test func aUsersChancesAreThoseOfItsDraws() {
    var chances = sampler(3, .batch).chancesFromUser(users: 2)
    for (times, shown) in [(1, 4), (2, 4), (4, 4), (1, 4)] {
      let miss = 1 - Double(times) / Double(shown)
      #expect(abs(chances.drawn(times, of: shown) - (1 - (miss + miss * miss) / 2)) < 1e-12)
    }
    var none = sampler(3, .uniform).chancesFromUser(users: 2)
    #expect(none.drawn(1, of: 1) == 0)
  }
}
