import Datasets
import Foundation
import Tensors

/// Batches without a data set, for `precise bench`: every sequence full, items by Zipf's law (chance ~ 1 / (rank + 10)).
final class MadeUpBatches: BatchSource {
  /// Every user is a virtual shard of its own and comes up in every step.
  let order: EpochOrder
  private let slots: Range<Int>
  private let length: Int
  private let targeted: Bool
  private let stream: RandomStream
  private let cumulative: [Double]
  /// Where the search for a draw begins: for each of as many equal parts of the distribution as there are ranks, the rank at its start.
  private let starts: [Int]
  private let spacing: Int

  /// - Parameters:
  ///   - slots: this rank's users of a step, among the whole job's.
  ///   - users: the whole job's users.
  ///   - length: n; a sequence has n + 1 events.
  ///   - items: V.
  ///   - drawn: the number of items that are shown, spread evenly over the catalogue.
  ///   - targeted: one target a user instead of one a position.
  init(slots: Range<Int>, of users: Int, length: Int, items: Int, drawn: Int, targeted: Bool, seed: UInt64) {
    self.slots = slots
    self.length = length
    self.targeted = targeted
    stream = RandomStream(seed: seed, purpose: .benchmark)
    order = EpochOrder(sizes: [Int](repeating: 1, count: users), batch: users, stream: stream)
    var sum = 0.0
    spacing = items / drawn
    cumulative = (0..<drawn).map { rank in
      sum += 1 / Double(rank + 10)
      return sum
    }
    var rank = 0
    starts = (0...drawn).map { [cumulative] part in
      while rank < drawn - 1, cumulative[rank] < sum * Double(part) / Double(drawn) { rank += 1 }
      return rank
    }
  }

  /// Nobody is made up that far.
  func userIDs(step: Int) -> [String] { [] }

  func fill(_ batch: SequenceBatch, step: Int) {
    batch.removeAll()
    for user in slots {
      var item = item(step, user, 0)
      for position in 0..<length {
        batch.append(item: item, scene: 0, behavior: 0, time: Self.time(position))
        item = self.item(step, user, position + 1)
        if !targeted { batch.targets.append(item) }
      }
      if targeted { batch.targets.append(item) }
      batch.endSequence(slot: user, requestTime: Self.time(length))
    }
  }

  /// Events come a day apart, but every eighth is followed by a day's rest.
  private static func time(_ position: Int) -> Int64 { Int64(position + position / 8) * 86_400_000_000 }

  /// Every rank counts its part of what a step is expected to show.
  func countEvents(into counts: UnsafeMutableBufferPointer<Double>) {
    for rank in cumulative.indices { counts[index(rank)] += Double(slots.count * (length + 1)) * chance(rank) }
  }

  /// A user's draws meet so many of its events at least once, each of them the item or not, whatever the others are.
  func addMisses(of sampler: NegativeSampler, into misses: UnsafeMutableBufferPointer<Double>) {
    var chances = sampler.chancesFromUser(users: Double(order.users))
    let events = Double(slots.count * (length + 1)) * chances.drawn(1, of: length + 1)
    guard events > 0 else { return }
    for rank in cumulative.indices { misses[index(rank)] += events * log1p(-chance(rank)) }
  }

  /// The chance of the item of a rank to be an event's.
  private func chance(_ rank: Int) -> Double { 1 / Double(rank + 10) / cumulative[cumulative.count - 1] }

  /// A Zipf draw by the inverse of the distribution.
  private func item(_ step: Int, _ user: Int, _ position: Int) -> Int32 {
    let total = cumulative[cumulative.count - 1]
    let draw = Double(stream.below(1 << 53, row: UInt64(step) << 24 | UInt64(user), column: UInt32(position)))
    let wanted = draw * 0x1p-53 * total
    // One part to each side besides: products of fractions are rounded.
    let part = Int(draw * 0x1p-53 * Double(cumulative.count))
    var (low, high) = (starts[max(part - 1, 0)], starts[min(part + 2, cumulative.count)])
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return Int32(index(low))
  }

  /// Where a drawn item stands: every `spacing` rows, but not always as far into them, or one rank would own all of them.
  private func index(_ drawn: Int) -> Int { drawn * spacing + drawn % spacing }
}
