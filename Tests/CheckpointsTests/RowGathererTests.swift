import Collectives
import Model
import Synchronization
import Tensors
import Testing

@testable import Checkpoints

/// Rows of a table that ranks share come to those that write them, in the table's order.
struct RowGathererTests {
  /// This rank's lines of a table of `rows` rows, of which row r has `count(r)` lines, each of which says r.
  private struct Table {
    let partition: RowPartition
    let rank: Int
    let count: (Int) -> Int
    let values: Storage<Int32>
    let starts: [Int]

    init(rows: Int, communicator: any Communicator, count: @escaping (Int) -> Int) {
      (partition, rank, self.count) = (RowPartition(rows: rows, ranks: communicator.size), communicator.rank, count)
      var (starts, lines) = ([0], [Int32]())
      for local in 0..<partition.count(ownedBy: communicator.rank) {
        let row = partition.row(local, ownedBy: communicator.rank)
        lines += Array(repeating: Int32(row), count: count(row))
        starts.append(lines.count)
      }
      self.starts = starts
      values = Storage(count: lines.count)
      for (index, line) in lines.enumerated() { values.base[index] = line }
    }

    /// The lines for a rank that gets this run of rows.
    func lines(of run: Range<Int>) -> RowGatherer.Lines {
      RowGatherer.Lines(
        base: UnsafeMutableRawPointer(values.base), owner: values, bytes: 4,
        ofLocalRows: { [starts] in starts[$0.lowerBound]..<starts[$0.upperBound] },
        count: { [count] in count(run.lowerBound + $0) })
    }
  }

  /// What a rank gets of a run of rows.
  private func expected(_ run: Range<Int>, _ count: (Int) -> Int) -> [Int32] {
    run.flatMap { Array(repeating: Int32($0), count: count($0)) }
  }

  @Test(arguments: [2, 3, 5], [1, 3]) func runsComeInOrder(ranks: Int, most: Int) throws {
    try RankThreads.run(ranks: ranks) { communicator in
      // Rows without a line are among those of many.
      let count = { (row: Int) in most == 1 ? 1 : row % (most + 1) }
      let table = Table(rows: 23, communicator: communicator, count: count)
      let gatherer = RowGatherer(table.partition, communicator: communicator)
      let room = NumberList<UInt8>()
      // One run behind the other, the last rank without one; then once more with the same gatherer.
      for length in [7, 4] {
        let runs = (0..<ranks).map { rank in
          rank == ranks - 1 ? 0..<0 : min(rank * length, 23)..<min((rank + 1) * length, 23)
        }
        try gatherer.start(table.lines(of: runs[communicator.rank]), runs)
        try communicator.wait(Channels.checkpoints)
        var asked = 0
        let bytes = try gatherer.poll { count in
          asked = count
          return UnsafeMutableRawPointer(room.resize(to: max(count, 4)).baseAddress!)
        }
        let wanted = self.expected(runs[communicator.rank], count)
        #expect(bytes.map { Array($0.bindMemory(to: Int32.self)) } == wanted && asked == 4 * wanted.count)
      }
    }
  }

  /// Alone, a rank's rows are in order where they are: nothing is copied.
  @Test func aloneNothingMoves() throws {
    let communicator = SoloCommunicator()
    let table = Table(rows: 9, communicator: communicator) { _ in 2 }
    let gatherer = RowGatherer(table.partition, communicator: communicator)
    try gatherer.start(table.lines(of: 2..<5), [2..<5])
    let bytes = try #require(
      try gatherer.poll { _ in
        Issue.record("room was asked for")
        return UnsafeMutableRawPointer(table.values.base)
      })
    #expect(bytes.baseAddress == UnsafeRawPointer(table.values.base + 4) && bytes.count == 3 * 2 * 4)
  }

  /// A rank that ends instead of sending leaves nobody waiting.
  @Test func aRankThatFailsEndsTheOthersWait() throws {
    struct Trouble: Error {}
    let others = Atomic<Int>(0)
    #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: 3) { communicator in
        guard communicator.rank != 1 else { throw Trouble() }
        let table = Table(rows: 9, communicator: communicator) { _ in 1 }
        let runs = [0..<3, 3..<6, 6..<9]
        let gatherer = RowGatherer(table.partition, communicator: communicator)
        do {
          try gatherer.start(table.lines(of: runs[communicator.rank]), runs)
          try communicator.wait(Channels.checkpoints)
          Issue.record("rank \(communicator.rank) got rows that nobody sent")
        } catch {
          others.add(1, ordering: .relaxed)
          throw error
        }
      }
    }
    #expect(others.load(ordering: .relaxed) == 2)
  }
}
