import Foundation
import Tensors
import Testing

@testable import Datasets

/// What is said of a phase's batches beforehand, against the batches of many epochs.
struct ShownEventsTests {
  /// Every way that a phase can choose what it shows.
  enum Phase: String, CaseIterable {
    case latestWindow, randomWindow, targetHistoryRandom, targetHistoryLast, allHistoryRandom, allHistoryLast
  }

  private func source(_ world: BatchWorld, _ phase: Phase, users: Int) throws -> any BatchSource {
    let shards = 0..<world.shards.count
    let filter = EventFilter(scene: 1, behavior: nil)
    func targeted(_ history: EventFilter, _ position: TargetedBatches.Position) throws -> TargetedBatches {
      try TargetedBatches(
        world.dataset, shards: shards, batch: BatchRule(users: users) { $0 },
        target: .init(name: "t", filter: filter, history: History(filter: history, length: 3), position: position), seed: 8)
    }
    func universal(_ window: UniversalBatches.Window) throws -> UniversalBatches {
      try UniversalBatches(
        world.dataset, shards: shards, batch: BatchRule(users: users) { $0 }, length: 3, window: window, seed: 8)
    }
    switch phase {
    case .latestWindow: return try universal(.latest)
    case .randomWindow: return try universal(.random)
    case .targetHistoryRandom: return try targeted(filter, .random)
    case .targetHistoryLast: return try targeted(filter, .last)
    case .allHistoryRandom: return try targeted(.all, .random)
    case .allHistoryLast: return try targeted(.all, .last)
    }
  }

  /// Every event is an item of its own: counts are events' chances to be shown.
  @Test(arguments: Phase.allCases) func countsAreWhatEpochsShow(phase: Phase) throws {
    let world = try BatchWorld(users: 50, seed: 6)
    let source = try source(world, phase, users: 7)
    var expected = [Double](repeating: 0, count: world.dataset.items.count)
    expected.withUnsafeMutableBufferPointer { source.countEvents(into: $0) }
    let epochs = 600
    var shown = [Double](repeating: 0, count: expected.count)
    let batch = SequenceBatch()
    for step in 0..<epochs * source.order.stepsPerEpoch {
      source.fill(batch, step: step)
      for item in batch.items.values { shown[Int(item)] += 1 }
      for user in 0..<batch.users { shown[Int(batch.lastTarget(of: user))] += 1 }
    }
    // Five standard deviations of 600 draws are at most 0.1; what is shown always or never is exact.
    for (item, count) in expected.enumerated() {
      let mean = shown[item] / Double(epochs)
      #expect(abs(mean - count) < 0.1, "item \(item): \(mean), expected \(count)")
      if count == 0 || count == 1 { #expect(mean == count, "item \(item)") }
    }
    let isFixed = [.latestWindow, .targetHistoryLast, .allHistoryLast].contains(phase)
    #expect(expected.allSatisfy { $0 == 0 || $0 == 1 } == isFixed && expected.contains { $0 > 0 })
  }

  /// q against how many steps' lists of negatives have the item, for batches far smaller and far larger than N, and all of the data.
  @Test(arguments: Phase.allCases, [(3, 40), (9, 100), (9, 4), (1000, 64)])
  func chancesAreThoseOfTheDraws(phase: Phase, size: (users: Int, draws: Int)) throws {
    let world = try BatchWorld(users: 50, seed: 6)
    let source = try source(world, phase, users: size.users)
    let items = world.dataset.items.count
    let sampler = NegativeSampler(count: size.draws, source: .batch, items: items, seed: 2)
    var misses = [Double](repeating: 0, count: items)
    misses.withUnsafeMutableBufferPointer { source.addMisses(of: sampler, into: $0) }
    let steps = 4000 / source.order.stepsPerEpoch * source.order.stepsPerEpoch
    var met = [Double](repeating: 0, count: items)
    let (batch, list) = (SequenceBatch(), NumberList<Int32>())
    for step in 0..<steps {
      source.fill(batch, step: step)
      list.removeAll()
      sampler.drawFromBatch(batch, slots: 0..<batch.users, users: batch.users, step: step, into: list)
      #expect(list.count == size.draws)
      for item in Set(list.values) { met[Int(item)] += 1 }
    }
    var bias = 0.0
    for item in 0..<items {
      let (found, chance) = (met[item] / Double(steps), exp(Double(sampler.logQ(missed: misses[item]))))
      #expect(
        abs(found - chance) < 0.005 + 5 * (chance * (1 - chance) / Double(steps)).squareRoot(), "\(item): \(found), \(chance)")
      // What a batch shows may be drawn: never an unbounded correction of an item that comes up.
      if found > 0 { #expect(chance > 1e-6, "item \(item)") }
      bias += found - chance
    }
    #expect(abs(bias) < 0.002 * Double(items), "\(bias) of \(items)")
  }

  /// Items that many users share: users are taken to come independently of each other, which is nearly so.
  @Test(arguments: Phase.allCases) func chancesOfSharedItems(phase: Phase) throws {
    let world = try BatchWorld(users: 80, seed: 5, items: 30)
    let source = try source(world, phase, users: 8)
    let sampler = NegativeSampler(count: 40, source: .mixed, items: 30, seed: 2)
    var misses = [Double](repeating: 0, count: 30)
    misses.withUnsafeMutableBufferPointer { source.addMisses(of: sampler, into: $0) }
    let steps = 300 * source.order.stepsPerEpoch
    var met = [Double](repeating: 0, count: 30)
    let (batch, list) = (SequenceBatch(), NumberList<Int32>())
    for step in 0..<steps {
      source.fill(batch, step: step)
      list.removeAll()
      sampler.drawFromBatch(batch, slots: 0..<batch.users, users: batch.users, step: step, into: list)
      sampler.drawFromCatalogue(step: step, into: list)
      for item in Set(list.values) { met[Int(item)] += 1 }
    }
    for item in 0..<30 {
      let chance = exp(Double(sampler.logQ(missed: misses[item])))
      #expect(abs(met[item] / Double(steps) - chance) < 0.04, "item \(item): \(met[item] / Double(steps)), expected \(chance)")
    }
  }
}
