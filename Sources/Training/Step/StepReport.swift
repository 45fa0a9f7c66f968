/// What one step did, over the whole job.
package struct StepReport: Sendable {
  /// Whether its numbers had gone wrong, so that nothing was updated.
  var isSkipped = false
  /// The objective's value without the balance loss.
  package var loss = 0.0
  /// Cross-user BPR before its weight, where the objective has it.
  package var bpr: Double?
  /// Sampled softmax before its weight, where the objective may have another term.
  package var softmax: Double?
  /// The load-balance loss, before its weight; nil for items without a semantic half.
  package var balance: Double?
  /// The share of the busiest expert, 1/K when even.
  var busiestExpert: Double?
  /// The global norm of the dense gradients, before clipping.
  var gradientNorm = 0.0
  /// The dense parameters' learning rate.
  package var learningRate = 0.0
  /// Packed positions of the global batch.
  package var positions = 0
  /// Users of the global batch.
  package var users = 0
  /// Shared negatives, without duplicates.
  package var negatives = 0
  /// What any rank had to tell.
  var notes = StepNotes()
  /// Distinct items that this rank asked for.
  package var uniqueItems = 0
  /// What this rank sends in the step: the formula, filled in.
  package var traffic = StepTraffic()
  /// Distinct items that this rank embedded for the whole job.
  package var ownedItems = 0
}

/// What ranks tell each other in a step besides its numbers: true for the job when it is true for a rank.
package struct StepNotes: Sendable, Equatable {
  /// A checkpoint is due, by the clock.
  var wantsCheckpoint = false
  /// A signal asks to stop.
  var wantsStop = false
  /// Files of the checkpoint under way are not written yet.
  package var isBehind = false

  /// Nothing to tell.
  init() {}
}
