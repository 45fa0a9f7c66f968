import Batches
import Foundation

/// What a step is made of, on a number of ranks: expected, as means over the ranks, or counted by one of them.
///
/// Letters: R ranks, E events of the whole batch, N_b draws from batches, N_c draws from the catalogue, p_i chances, V items with training events.
public struct StepSize: Sendable, Equatable {
  /// R.
  public var ranks = 1
  /// Users of a rank's slice, B / R.
  public var users = 0.0
  /// Packed positions of a rank's slice, T / R.
  public var positions = 0.0
  /// Rows of the softmax of a rank: positions, or users in a targeted phase.
  public var queries = 0.0
  /// U: distinct items that a rank wants.
  ///
  ///     U = Σ_i 1 − (1 − p_i)^(E/R + N' (R − 1)/R) · (1 − 1/V)^N_c,  N' = E · (1 − (1 − 1/E)^N_b)
  ///
  /// N' are the batch's events that are drawn at least once; those of a rank's own slice add nothing to its own events.
  public var wanted = 0.0
  /// Distinct items of the whole job's step.
  ///
  ///     Σ_i 1 − (1 − p_i)^E · (1 − 1/V)^N_c
  public var distinct = 0.0
  /// Shared negatives without duplicates.
  ///
  ///     N = Σ_i 1 − (1 − p_i)^N' · (1 − 1/V)^N_c
  public var negatives = 0.0
  /// Negatives that a rank draws from its slice, N_b / R.
  public var draws = 0.0

  /// Items that a rank fuses: whoever wants them, each once in the job.
  public var owned: Double { distinct / Double(ranks) }

  /// A step of one rank without anything in it, to be filled with what was counted.
  public init() {}

  /// The largest step like this one: so many positions, and items and negatives as chance may have them.
  ///
  /// The number of distinct things among independent draws deviates by less than its own root.
  func largest(positions most: Double, items: Double) -> StepSize {
    let factor = most / max(positions, 1)
    let grow = { (count: Double) in min(items, count * factor + 4 * (count * factor).squareRoot()) }
    var size = self
    size.queries = queries == positions ? most : queries
    (size.positions, size.wanted, size.distinct) = (most, grow(wanted), Double(ranks) * min(items, grow(owned)))
    size.negatives = min(items, negatives + 4 * negatives.squareRoot())
    return size
  }

  /// The expectation for a phase.
  public init(_ plan: PhasePlan, _ facts: EstimateFacts, ranks: Int) {
    self.ranks = ranks
    let (share, events, popularity) = (1 / Double(ranks), Double(facts.events), facts.popularity)
    users = Double(facts.users) * share
    positions = Double(facts.positions) * share
    queries = plan.kind.isUniversal ? positions : users
    guard let sampler = plan.negatives(items: facts.items) else {
      wanted = popularity.distinct(draws: events * share)
      distinct = popularity.distinct(draws: events)
      return
    }
    guard sampler.count != nil else {
      // The full softmax wants everything.
      (wanted, distinct, negatives) = (Double(facts.trained), Double(facts.trained), Double(facts.trained))
      return
    }
    draws = Double(sampler.fromBatch) * share
    let uniform = Double(sampler.fromCatalogue)
    let fromBatch = events > 0 ? events * -expm1(Double(sampler.fromBatch) * log1p(-1 / max(events, 1.5))) : 0
    wanted = popularity.distinct(draws: events * share + fromBatch * (1 - share), uniform: uniform)
    distinct = popularity.distinct(draws: events, uniform: uniform)
    negatives = popularity.distinct(draws: fromBatch, uniform: uniform)
  }
}
