/// What one step did, over the whole job.
public struct StepReport: Sendable {
  /// Whether its numbers had gone wrong, so that nothing was updated.
  public var isLeftOut = false
  /// The objective's value without the balance loss.
  public var loss = 0.0
  /// Cross-user BPR before its weight, where the objective has it.
  public var bpr: Double?
  /// Sampled softmax before its weight, where the objective may have another term.
  public var softmax: Double?
  /// The load-balance loss, before its weight; nil for items without a semantic half.
  public var balance: Double?
  /// The share of the busiest expert, 1/K when even.
  public var busiestExpert: Double?
  /// The global norm of the dense gradients, before clipping.
  public var gradientNorm = 0.0
  /// The dense parameters' learning rate.
  public var learningRate = 0.0
  /// Packed positions of the global batch.
  public var positions = 0
  /// Users of the global batch.
  public var users = 0
  /// Shared negatives, without duplicates.
  public var negatives = 0
  /// What any rank had to tell.
  public var notes = StepNotes()
  /// Distinct items that this rank asked for.
  public var uniqueItems = 0
  /// What this rank sends in the step: the formula, filled in.
  public var traffic = StepTraffic()
  /// Distinct items that this rank embedded for the whole job.
  public var ownedItems = 0
}
