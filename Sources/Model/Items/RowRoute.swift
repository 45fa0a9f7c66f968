import Collectives
package import Tensors

/// A step's traffic: who wants which rows of whom.
///
/// Reused from step to step; two of them take turns when the next step's row numbers travel while this step computes.
package final class RowRoute {
  /// Rows that this rank wants from each rank, and that each rank asks of this one.
  let counts: (wanted: NumberList<Int>, asked: NumberList<Int>)
  /// The wanted rows, as numbers at their owners.
  let request = NumberList<Int32>()
  /// The rows that are asked of this rank, asker after asker.
  let asked = NumberList<Int32>()
  /// Where each asked row stands in `owned`.
  let indices = NumberList<Int32>()
  let union = UniqueRows()
  let exchange: Exchange
  var stage = Stage.complete
  /// The channel that its numbers travel on.
  let channel: Int

  /// The rows that this rank owns and anybody wants: numbers among its own rows, ascending, each once.
  package var owned: RowList { union.rows }
  /// The number of rows that this rank wants.
  package var wanted: Int { request.count }

  /// Wanted rows that `rank`, whose route this is, does not own: what it takes in.
  package func foreignRows(of rank: Int) -> Int { wanted - counts.wanted[rank] }

  /// Rows of `rank`, whose route this is, that others want, counted once for each of them: what it gives out.
  package func givenRows(of rank: Int) -> Int { asked.count - counts.asked[rank] }

  /// How far the numbers have traveled.
  enum Stage {
    case exchangingCounts, exchangingRows, complete
  }

  /// Makes room for so many wanted rows, and for so many that are asked of this rank.
  package func reserve(wanted: Int, asked: Int) {
    request.reserve(wanted)
    self.asked.reserve(asked)
    indices.reserve(asked)
    union.reserve(asked)
  }

  /// Makes an empty route between `ranks` ranks.
  init(ranks: Int, channel: Int) {
    self.channel = channel
    counts = (NumberList(), NumberList())
    exchange = Exchange(ranks: ranks)
  }
}
