/// Where a phase's batches come from: a pure function of the step.
public protocol BatchSource: AnyObject {
  /// Who takes part, and which of them a step takes.
  var order: EpochOrder { get }
  /// Fills a batch with this rank's slice of a step.
  func fill(_ batch: SequenceBatch, step: Int)
  /// The ids of the users of this rank's slice of a step, in the batch's order: for what goes wrong, not for every step.
  func userIDs(step: Int) -> [String]
  /// Adds to `counts[item]` how often an epoch is expected to show each item to this rank, as a position or as a user's last target.
  func countEvents(into counts: UnsafeMutableBufferPointer<Double>)
  /// Adds to `misses[item]` the log of the chance that a step's draws from this rank's users miss the item, for the logQ correction.
  func addMisses(of sampler: NegativeSampler, into misses: UnsafeMutableBufferPointer<Double>)
}
