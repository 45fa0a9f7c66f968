import Foundation
package import Tensors

/// Draws a step's shared negatives: item ids from the global batch, from the items with training events, or from both.
///
/// docs/model.md, section 2.
///
/// Draws are keyed by (seed, step, the user's slot in the job's batch), so every world size draws the same list; the seed is the
/// phase's own. Duplicates are for the caller to remove.
package struct NegativeSampler: Sendable {
  /// Where negatives come from.
  package enum Source: Sendable {
    /// Items of the step's global batch: N_b / B from each user, any event that the batch shows of it alike.
    case batch
    /// Any item that has a training event.
    case uniform
    /// Half from each.
    case mixed
  }

  /// The rule's number, for checkpoints: a phase that goes on by another rule draws other negatives.
  ///
  /// 1: items without a training event are never negatives.
  package static let rule = 1

  /// How many ids are drawn a step, over the whole job; nil = every item that has a training event (full softmax).
  package let count: Int?
  /// Where they come from.
  package let source: Source
  /// The number of items, V.
  package let items: Int
  private let trained: TrainedItems?
  private let seed: UInt64

  /// Makes a sampler.
  ///
  /// An item that no training event shows is never a target, so that as a negative it would only ever be pushed down (ours).
  ///
  /// - Parameter trained: the items that have a training event, where not all have one; nil = all have.
  package init(count: Int?, source: Source, items: Int, trained: TrainedItems? = nil, seed: UInt64) {
    self.count = count
    self.source = source
    self.items = items
    self.trained = trained
    self.seed = seed
  }

  /// Whether the draws are from more than the batch, so that they depend on which items have training events.
  package var readsCatalogue: Bool { count == nil || fromCatalogue > 0 }
  /// The items that have a training event, V': draws that are not from the batch are one of these.
  package var candidates: Int { trained?.count ?? items }

  /// N_b: draws that come from batches.
  package var fromBatch: Int { count.map { source == .batch ? $0 : source == .uniform ? 0 : $0 / 2 } ?? 0 }
  /// N_c: draws that come from all items with training events.
  package var fromCatalogue: Int { count.map { $0 - fromBatch } ?? 0 }

  /// How many draws the users in some slots give, of a step of so many users: they differ by at most one from user to user.
  ///
  /// Where the users do not divide N_b, whose turn it is to give one more is drawn anew each step.
  package func drawsFromBatch(slots: Range<Int>, users: Int, step: Int) -> Int {
    guard users > 0, fromBatch > 0 else { return 0 }
    return draws(slots, users, turn: turn(users, step))
  }

  private func turn(_ users: Int, _ step: Int) -> Int { stream(step).below(users, row: 0, column: .max) }

  private func draws(_ slots: Range<Int>, _ users: Int, turn: Int) -> Int {
    fromBatch * (slots.upperBound + turn) / users - fromBatch * (slots.lowerBound + turn) / users
  }

  /// Adds this rank's draws from its slice of the batch.
  ///
  /// - Parameters:
  ///   - slots: the places of the slice's users in the whole job's batch.
  ///   - users: the users of the whole job's batch.
  package func drawFromBatch(_ batch: SequenceBatch, slots: Range<Int>, users: Int, step: Int, into list: NumberList<Int32>) {
    precondition(slots.count == batch.users, "\(batch.users) users in the slots \(slots)")
    guard users > 0, fromBatch > 0 else { return }
    let (stream, turn) = (stream(step), turn(users, step))
    for (user, slot) in slots.enumerated() {
      let events = Int(batch.starts[user])..<Int(batch.starts[user + 1])
      for draw in 0..<draws(slot..<slot + 1, users, turn: turn) {
        let chosen = stream.below(events.count + 1, row: UInt64(slot) + 1, column: UInt32(draw))
        list.append(chosen < events.count ? batch.items[events.lowerBound + chosen] : batch.lastTarget(of: user))
      }
    }
  }

  /// Adds the draws from all items with training events, the same on every rank; every one of these when the softmax is full.
  package func drawFromCatalogue(step: Int, into list: NumberList<Int32>) {
    guard count != nil else {
      if let trained { return trained.forEach { list.append($0) } }
      for item in 0..<Int32(items) { list.append(item) }
      return
    }
    guard candidates > 0 else { return }
    let stream = stream(step)
    for draw in 0..<fromCatalogue { list.append(item(stream.below(candidates, row: 0, column: UInt32(draw)))) }
  }

  private func item(_ index: Int) -> Int32 { trained.map { $0[index] } ?? Int32(index) }

  /// The chances of an item to be drawn from one user's part of a batch.
  package struct ChancesFromUser {
    /// How many times each user is drawn from, at least.
    private let draws: Double
    /// The chance of one draw more.
    private let another: Double
    /// Chances of items that are one of so many events; NaN where nobody has asked yet.
    private var once: [Double] = []

    fileprivate init(mean: Double) {
      draws = mean.rounded(.down)
      another = mean - draws
    }

    /// The chance that an item is drawn at least once that is `times` of the `shown` events.
    ///
    ///     1 − (1 − share)^draws · (1 − share · another)
    package mutating func drawn(_ times: Int, of shown: Int) -> Double {
      guard times == 1 else { return chance(Double(times) / Double(shown)) }
      while once.count <= shown { once.append(.nan) }
      if once[shown].isNaN { once[shown] = chance(1 / Double(shown)) }
      return once[shown]
    }

    private func chance(_ share: Double) -> Double { 1 - pow(1 - share, draws) * (1 - share * another) }
  }

  /// The chances of a user's items in a step of so many users.
  package func chancesFromUser(users: Double) -> ChancesFromUser {
    ChancesFromUser(mean: users > 0 ? Double(fromBatch) / users : 0)
  }

  /// log q of an item that a step's draws from the batch miss with a chance whose log is `missed`: q is its chance of being drawn at
  /// least once in a step.
  ///
  ///     q = 1 − (chance that the batch's draws miss it) · (1 − 1/V')^N_c
  ///
  /// Ours: duplicates are removed, so the chance of being in the list is what an unbiased sum divides by. Of an item without a training
  /// event it says nothing: that is never drawn.
  package func logQ(missed: Double) -> Float {
    guard count != nil else { return 0 }
    let all = missed + Double(fromCatalogue) * log1p(-1 / Double(max(candidates, 2)))
    return Float(log(max(-expm1(all), 1e-12)))
  }

  private func stream(_ step: Int) -> RandomStream {
    RandomStream(seed: seed, purpose: .negatives, step: UInt32(truncatingIfNeeded: step))
  }
}
