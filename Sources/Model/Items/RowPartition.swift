/// Which rank owns which rows of a sharded table: row r belongs to rank r mod ranks.
///
/// docs/distributed.md, "Items".
///
/// Neighboring rows go to different ranks, so a run of popular rows is shared out evenly.
package struct RowPartition: Sendable, Equatable {
  /// The number of rows of the whole table.
  package let rows: Int
  /// The number of ranks.
  package let ranks: Int

  /// Divides `rows` among `ranks`.
  package init(rows: Int, ranks: Int) {
    precondition(rows >= 0 && ranks > 0, "\(rows) rows on \(ranks) ranks")
    self.rows = rows
    self.ranks = ranks
  }

  /// The rank that owns a row.
  package func owner(of row: Int) -> Int { row % ranks }

  /// The row's number among its owner's rows.
  package func localRow(of row: Int) -> Int { row / ranks }

  /// The row of the whole table that is `local` on `rank`.
  package func row(_ local: Int, ownedBy rank: Int) -> Int { local * ranks + rank }

  /// How many rows a rank owns.
  package func count(ownedBy rank: Int) -> Int { (rows - rank + ranks - 1) / ranks }

  /// Which of a rank's own rows stand in a run of the whole table's rows.
  package func localRows(of run: Range<Int>, ownedBy rank: Int) -> Range<Int> {
    max(run.lowerBound - rank + ranks - 1, 0) / ranks..<max(run.upperBound - rank + ranks - 1, 0) / ranks
  }
}
