import Model

/// Which rows of a checkpoint's table a rank takes, and which of its own rows they become.
struct RowIndices {
  /// How many rows the checkpoint's table has.
  let rows: Int
  private let way: Way

  private enum Way {
    case same(RowPartition, rank: Int)
    case matched([ItemMatch.Pair])
  }

  /// The same table: every row of this rank's is itself.
  init(of partition: RowPartition, rank: Int) {
    rows = partition.rows
    way = .same(partition, rank: rank)
  }

  /// Another table of so many rows, of which some have been found again.
  init(_ match: ItemMatch, rows: Int) {
    self.rows = rows
    way = .matched(match.pairs)
  }

  /// Whether it is the same table, so that nothing may differ.
  var isSame: Bool { if case .same = way { true } else { false } }

  /// Calls `body` with each row of a run that this rank takes: its place in the run, and the local row that it becomes.
  func forEach(in run: Range<Int>, _ body: (_ index: Int, _ local: Int) throws -> Void) rethrows {
    switch way {
    case .same(let partition, let rank):
      for local in partition.localRows(of: run, ownedBy: rank) {
        try body(partition.row(local, ownedBy: rank) - run.lowerBound, local)
      }
    case .matched(let pairs):
      for pair in pairs[start(run.lowerBound, pairs)..<start(run.upperBound, pairs)] {
        try body(Int(pair.row) - run.lowerBound, Int(pair.local))
      }
    }
  }

  /// The first pair that is not before a row.
  private func start(_ row: Int, _ pairs: [ItemMatch.Pair]) -> Int {
    var range = 0..<pairs.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range = Int(pairs[middle].row) < row ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }
}
