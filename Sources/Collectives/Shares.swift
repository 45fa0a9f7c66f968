/// How work is cut into one share a rank: consecutive things, the same on every rank that asks.
package enum Shares {
  /// An all-reduce of at most so many bytes is not cut: every rank sends all its numbers to every other.
  package static let fewBytes = 1024

  /// The elements that are `rank`'s: as many as any other's, give or take one.
  package static func range(of rank: Int, ranks: Int, count: Int) -> Range<Int> {
    (count * rank / ranks)..<(count * (rank + 1) / ranks)
  }

  /// Which of some things of uneven work are `rank`'s: those whose middle lies in its stretch of all the work.
  ///
  /// So no rank has more than an even share and the largest of its things. Ours. Sums are exact up to 2⁵³; beyond that shares are less
  /// even, but still one behind the other.
  ///
  /// - Parameter work: how much work a thing is, 0 or more; asked for twice.
  package static func range(of rank: Int, ranks: Int, count: Int, work: (Int) -> Int) -> Range<Int> {
    precondition((0..<ranks).contains(rank), "rank \(rank) of \(ranks)")
    // Where nothing is any work, rank 0 has all.
    let total = max(1, (0..<count).reduce(0.0) { $0 + Double(work($1)) })
    var (before, lower, upper) = (0.0, 0, 0)
    for index in 0..<count {
      let own = Double(work(index))
      let middle = (before + own / 2) * Double(ranks)
      if middle < total * Double(rank) { lower += 1 }
      if middle < total * Double(rank + 1) { upper += 1 }
      before += own
    }
    // The middle of what is no work, at the end, is the end itself.
    return lower..<(rank == ranks - 1 ? count : upper)
  }
}
