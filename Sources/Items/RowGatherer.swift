public import Collectives
import Tensors

/// Brings rows of the sharded table together in the table's order, each run of rows to the rank that wants it: for checkpoints.
///
/// Two ranks, rank 0 wants rows 0..<3, rank 1 rows 3..<5 (even rows are rank 0's):
///
///     rank 0 sends [0 2 | 4], rank 1 sends [1 | 3]
///     rank 0 gets  [0 1 2],   rank 1 gets  [3 4]
public final class RowGatherer {
  /// Prepares to gather a table's rows.
  public init(_ items: ItemTable, communicator: any Communicator) {
    self.items = items
    self.communicator = communicator
  }

  /// The number of tokens of each row of this rank's run; collective.
  ///
  /// - Parameter runs: the rows that each rank wants, the same on every rank.
  public func tokenCounts(_ runs: [Range<Int>]) throws -> [Int32] {
    let local = Storage<Int32>(count: items.ids.rows)
    for row in 0..<local.count { local.base[row] = Int32(items.tokens.tokens(of: row).count) }
    return try withExtendedLifetime(local) {
      try gather(
        runs, lineBytes: 4, base: local.base, localLines: { $0 }, linesOf: { _ in 1 }
      ) { Array($0.bindMemory(to: Int32.self)) }
    }
  }

  /// Hands `body` the lines of this rank's run, in the table's order; collective.
  ///
  /// - Parameter tokenCounts: the tokens of each row of this rank's run; not read for blocks of one line a row.
  public func gather(
    _ block: TableBlock, _ runs: [Range<Int>], tokenCounts: ArraySlice<Int32>, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let first = tokenCounts.startIndex
    try gather(
      runs, lineBytes: block.lineBytes, base: block.lines.base,
      localLines: { self.items.lines(of: block, localRows: $0) },
      linesOf: { block.isPerToken ? Int(tokenCounts[first + $0]) : 1 }, body)
  }

  /// - Parameters:
  ///   - localLines: the lines of a run of local rows.
  ///   - linesOf: the number of lines of the i-th row of this rank's run.
  private func gather<Result>(
    _ runs: [Range<Int>], lineBytes: Int, base: UnsafeMutableRawPointer, localLines: (Range<Int>) -> Range<Int>,
    linesOf: (Int) -> Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let (rank, size) = (communicator.rank, communicator.size)
    let wanted = runs[rank]
    let sent = runs.map { run in
      let lines = localLines(items.partition.localRows(of: run, ownedBy: rank))
      return (start: lines.lowerBound * lineBytes, bytes: lines.count * lineBytes)
    }
    if size == 1 {
      return try body(UnsafeRawBufferPointer(start: base + sent[0].start, count: sent[0].bytes))
    }
    var bytesFrom = [Int](repeating: 0, count: size)
    for (index, row) in wanted.enumerated() { bytesFrom[items.partition.owner(of: row)] += linesOf(index) * lineBytes }
    let total = bytesFrom.reduce(0, +)
    let (received, ordered) = (Storage<UInt8>(count: total), Storage<UInt8>(count: total))
    let exchange = Exchange(ranks: size)
    var next: [UnsafeMutablePointer<UInt8>] = []
    var start = received.base
    for other in 0..<size {
      exchange.send[other] = Segment(base + sent[other].start, bytes: sent[other].bytes)
      exchange.receive[other] = Segment(start, bytes: bytesFrom[other])
      next.append(start)
      start += bytesFrom[other]
    }
    try communicator.start(exchange, on: Channels.collectives)
    try communicator.wait(Channels.collectives)
    var target = ordered.base
    for (index, row) in wanted.enumerated() {
      let (owner, bytes) = (items.partition.owner(of: row), linesOf(index) * lineBytes)
      target.update(from: next[owner], count: bytes)
      next[owner] += bytes
      target += bytes
    }
    return try withExtendedLifetime((received, ordered)) {
      try body(UnsafeRawBufferPointer(start: ordered.base, count: total))
    }
  }

  private let items: ItemTable
  private let communicator: any Communicator
}
