import Collectives

/// Which virtual shards a rank reads: a contiguous run, uneven when the ranks do not divide them.
///
/// docs/distributed.md, "Users".
public enum ShardRuns {
  /// The shards of `rank` out of `ranks`.
  public static func shards(of rank: Int, ranks: Int, count: Int) -> Range<Int> {
    Shares.range(of: rank, ranks: ranks, count: count)
  }
}
