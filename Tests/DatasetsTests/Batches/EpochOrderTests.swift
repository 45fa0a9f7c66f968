import Tensors
import Testing

@testable import Datasets

/// An epoch is one pass, whatever the numbers of users are divisible by.
struct EpochOrderTests {
  static let uneven = [40, 22, 35, 0, 1, 7, 39, 26]
  private static let stream = RandomStream(seed: 3, purpose: .permutation, step: 9)

  private func order(_ sizes: [Int], _ batch: Int, fewest: Int = 1) -> EpochOrder {
    EpochOrder(sizes: sizes, batch: batch, fewest: fewest, stream: Self.stream)
  }

  @Test(arguments: [1, 2, 3, 7, 8, 13, 64, 100, 169, 170, 171, 6400])
  func everyUserExactlyOnceAnEpoch(batch: Int) {
    let sizes = Self.uneven
    let order = order(sizes, batch)
    #expect(order.users == 170 && order.stepsPerEpoch == (170 + min(batch, 170) - 1) / min(batch, 170))
    for epoch in 0..<4 {
      var met = sizes.map { [Int](repeating: 0, count: $0) }
      var counts: [Int] = []
      for step in epoch * order.stepsPerEpoch..<(epoch + 1) * order.stepsPerEpoch {
        #expect(order.epoch(of: step) == epoch)
        for shard in sizes.indices { for index in order.indices(of: shard, step: step) { met[shard][index] += 1 } }
        counts.append(order.users(of: step))
      }
      #expect(met.allSatisfy { $0.allSatisfy { $0 == 1 } }, "epoch \(epoch)")
      // No remainder: the smallest step has one user less than the largest.
      let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
      #expect(counts.reduce(0, +) == 170 && most - least <= 1 && most == order.largest && most <= batch)
    }
  }

  @Test func slotsFollowEachOtherShardByShard() {
    let order = order(Self.uneven, 13)
    for step in 0..<30 {
      var end = 0
      for shard in Self.uneven.indices {
        let slots = order.slots(of: shard..<shard + 1, step: step)
        #expect(slots.lowerBound == end && slots.count == order.indices(of: shard, step: step).count)
        end = slots.upperBound
      }
      #expect(order.slots(of: 2..<6, step: step).upperBound == order.slots(of: 6..<7, step: step).lowerBound)
      #expect(order.users(of: step) == end && (12...13).contains(end))
    }
  }

  /// 64 shards of 22 to 40 users and steps of 64: the same number from each would take some users twice as often as others.
  @Test func eachShardGivesItsShare() {
    var random = SplitMix(state: 4)
    let sizes = (0..<64).map { _ in Int.random(in: 22...40, using: &random) }
    let (order, users) = (order(sizes, 64), sizes.reduce(0, +))
    var (given, taken) = ([Int](repeating: 0, count: 64), 0)
    for step in 0..<order.stepsPerEpoch {
      taken += order.users(of: step)
      for shard in sizes.indices {
        let indices = order.indices(of: shard, step: step)
        #expect(indices.lowerBound == given[shard])
        given[shard] = indices.upperBound
        #expect(abs(Double(given[shard]) - Double(sizes[shard] * taken) / Double(users)) < 1.25, "step \(step)")
      }
    }
    #expect(given == sizes)
  }

  /// Steps of 8 out of 32 shards: which eight is drawn anew each epoch, so that no shard always comes before another.
  @Test func shardsOfOneSizeDoNotMoveInLockStep() {
    let order = order([Int](repeating: 10, count: 32), 8)
    let firsts = (0..<6).map { epoch in (0..<32).filter { !order.indices(of: $0, step: epoch * order.stepsPerEpoch).isEmpty } }
    #expect(Set(firsts).count == 6 && firsts.allSatisfy { $0.count == 8 && $0 != Array(0..<8) })
  }

  /// Keys stay whole numbers, and every cut the same from both sides, as large as shards may become.
  @Test func sizesAtTheirLimit() {
    let sizes = [1 << 31 - 1, 1, 0, 1 << 31 - 1, 5, 1_000_003]
    let order = order(sizes, 1_048_576)
    let last = order.stepsPerEpoch - 1
    for shard in sizes.indices {
      #expect(order.indices(of: shard, step: 0).lowerBound == 0)
      #expect(order.indices(of: shard, step: last).upperBound == sizes[shard])
      for step in [0, 1, 1234, last / 2, last - 1] {
        #expect(order.indices(of: shard, step: step).upperBound == order.indices(of: shard, step: step + 1).lowerBound)
      }
      #expect(order.indices(of: shard, step: last + 1).lowerBound == 0)
    }
    #expect((0...1).contains(order.largest - order.users(of: last / 3)))
  }

  @Test func aStepIsAFunctionOfItsNumber() {
    func content(_ order: EpochOrder, _ step: Int) -> [Range<Int>] {
      Self.uneven.indices.map { order.indices(of: $0, step: step) }
    }
    let (forward, anyhow) = (order(Self.uneven, 13), order(Self.uneven, 13))
    let expected = (0..<60).map { content(forward, $0) }
    for step in [59, 0, 14, 13, 0, 33, 32, 59] { #expect(content(anyhow, step) == expected[step]) }
  }

  @Test(arguments: [(5, 2, [2, 3]), (3, 2, [3]), (4, 2, [2, 2]), (1, 2, [1]), (2, 9, [2]), (7, 3, [2, 2, 3])])
  func crossUserPairsNeedTwo(users: Int, batch: Int, sizes: [Int]) {
    let order = order([users - users / 2, users / 2], batch, fewest: 2)
    #expect((0..<order.stepsPerEpoch).map { order.users(of: $0) } == sizes)
  }

  @Test func nobodyIsNoStep() {
    let order = order([0, 0], 8)
    #expect(order.users == 0 && order.largest == 0 && order.users(of: 3) == 0 && order.indices(of: 1, step: 3).isEmpty)
  }
}
