/// What a step is made of, on a number of ranks: expected, as means over the ranks, or counted by one of them.
///
/// Letters: R ranks, E events of the whole batch, N_b draws from batches, N_c draws from the catalogue, p_i chances, V' items with training events.
package struct StepSize: Sendable, Equatable {
  /// R.
  package var ranks = 1
  /// Users of a rank's slice, B / R.
  package var users = 0.0
  /// Packed positions of a rank's slice, T / R.
  package var positions = 0.0
  /// Rows of the softmax of a rank: positions, or users in a targeted phase.
  package var queries = 0.0
  /// U: distinct items that a rank wants.
  ///
  ///     U = Σ_i 1 − (1 − p_i)^(E/R + N' (R − 1)/R) · (1 − 1/V')^N_c,  N' = E · (1 − (1 − 1/E)^N_b)
  ///
  /// N' are the batch's events that are drawn at least once; those of a rank's own slice add nothing to its own events.
  package var wanted = 0.0
  /// Distinct items of the whole job's step.
  ///
  ///     Σ_i 1 − (1 − p_i)^E · (1 − 1/V')^N_c
  package var distinct = 0.0
  /// N: shared negatives without duplicates.
  ///
  ///     N = Σ_i 1 − (1 − p_i)^N' · (1 − 1/V')^N_c
  package var negatives = 0.0
  /// Negatives that a rank draws from its slice, N_b / R.
  package var draws = 0.0

  /// Items that a rank fuses: whoever wants them, each once in the job.
  package var owned: Double { distinct / Double(ranks) }

  /// A step of one rank without anything in it, to be filled with what was counted.
  package init() {}

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
}
