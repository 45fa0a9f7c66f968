import Kernels

/// Where a held-out item stands among all items of the catalogue.
///
/// docs/model.md, section 6.
///
/// Full ranking, never sampled. Ties count against the model: the target ranks after every item of equal score, and NaN
/// counts as ahead, so a collapsed or broken model cannot look good.
public enum Ranking {
  /// The rank, from 1, of `target` among `scores` `[V]`; items in `excluded` (distinct) do not compete, the target always does.
  public static func rank(of target: Int, scores: UnsafeBufferPointer<Float>, excluded: [Int32] = []) -> Int {
    let bound = scores[target]
    // The target itself is not below its own score: the count is its rank.
    var ahead = countNotBelow(bound, in: scores)
    for item in excluded where Int(item) != target && !(scores[Int(item)] < bound) { ahead -= 1 }
    return ahead
  }
}
