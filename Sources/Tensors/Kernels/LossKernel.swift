import CKernels

/// One block of sampled softmax: writes the exponentials of `logits` `[rows, N]` less the row's largest, and `positive` `[rows]`
/// becomes the gradient of the target's logit.
///
/// A logit's gradient is its exponential times its row's factor, `weight` included; whoever multiplies with the gradients does so with
/// the exponentials and applies the factor to the shorter rows of the other side (ours: a pass less over `[rows, N]`). The logits are
/// lost; `exponentials` may be their memory, or have more columns, which become zero. A column whose id equals the row's target is
/// left out; `correction` (log q) is subtracted from the negatives' logits. Returns the sum of the rows' losses (unweighted).
package func sampledSoftmaxBlock(
  logits: Matrix, positive: Vector, targets: RowList, negativeIds: RowList, correction: UnsafePointer<Float>?, weight: Float,
  exponentials: StoredRows, factors: Vector
) -> Double {
  precondition(
    logits.isContiguous && positive.count == logits.rows && targets.count == logits.rows && negativeIds.count == logits.columns
      && exponentials.rows == logits.rows && exponentials.columns >= logits.columns && factors.count == logits.rows,
    "sampled softmax of \(logits.shape) with \(targets.count) targets and \(negativeIds.count) negatives")
  guard let targets = targets.baseAddress, let ids = negativeIds.baseAddress else {
    positive.clear()  // an empty list may have no address: nothing to rank against, nothing to learn
    factors.clear()
    return 0
  }
  var block = ck_softmax_block(
    rows: logits.rows, negatives: logits.columns, weight: weight, targets: targets, negative_ids: ids, correction: correction,
    logits: logits.base, positive: positive.base, exponentials: exponentials.base, ld_exponentials: exponentials.columns,
    factors: factors.base)
  return ck_sampled_softmax(&block, exponentials.bf16Flag)
}

/// One block of cross-user BPR: `scores` `[rows, users]` becomes its gradient times `weight`.
///
/// `own` is each row's own user's column; pairs of equal targets are left out. Returns the sum of the pairs' losses.
package func crossUserBPRBlock(scores: Matrix, rowTargets: RowList, userTargets: RowList, own: RowList, weight: Float) -> Double {
  precondition(
    scores.isContiguous && rowTargets.count == scores.rows && own.count == scores.rows && userTargets.count == scores.columns,
    "BPR of \(scores.shape) with \(rowTargets.count) and \(userTargets.count) targets")
  guard let rowTargets = rowTargets.baseAddress, let userTargets = userTargets.baseAddress, let own = own.baseAddress else {
    return 0
  }
  return ck_cross_user_bpr(scores.rows, scores.columns, weight, rowTargets, userTargets, own, scores.base)
}
