/// Where a phase's batches come from: a pure function of the step.
public protocol BatchSource: AnyObject {
  /// Users of this rank's shards that take part.
  var users: Int { get }
  /// Fills a batch with this rank's slice of a step.
  func fill(_ batch: SequenceBatch, step: Int)
  /// The ids of the users of this rank's slice of a step, in the batch's order: for what goes wrong, not for every step.
  func userIDs(step: Int) -> [String]
  /// Adds to `counts[item]` how often an epoch shows each item, for the logQ correction.
  func countEvents(into counts: UnsafeMutableBufferPointer<Double>)
}
