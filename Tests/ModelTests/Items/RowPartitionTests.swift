import Testing

@testable import Model

@Suite struct RowPartitionTests {
  @Test(arguments: [(0, 1), (0, 4), (1, 1), (1, 3), (2, 5), (7, 3), (12, 4), (100, 1), (101, 64)])
  func everyRowHasOneOwnerAndOnePlace(_ rows: Int, _ ranks: Int) {
    let partition = RowPartition(rows: rows, ranks: ranks)
    var indices = Array(repeating: Set<Int>(), count: ranks)
    for row in 0..<rows {
      let (owner, local) = (partition.owner(of: row), partition.localRow(of: row))
      #expect((0..<ranks).contains(owner))
      #expect(indices[owner].insert(local).inserted)
      #expect(partition.row(local, ownedBy: owner) == row)
    }
    for rank in 0..<ranks {
      let count = partition.count(ownedBy: rank)
      #expect(indices[rank] == Set(0..<count), "local rows have no gaps")
      #expect(count == rows / ranks || count == rows / ranks + 1)
    }
  }

  @Test(arguments: [(1, 1), (7, 3), (12, 4), (101, 64)])
  func ownRowsOfARunAreARun(_ rows: Int, _ ranks: Int) {
    let partition = RowPartition(rows: rows, ranks: ranks)
    for start in 0...rows {
      for end in start...rows {
        for rank in 0..<ranks {
          let own = (start..<end).filter { partition.owner(of: $0) == rank }.map(partition.localRow(of:))
          #expect(Array(partition.localRows(of: start..<end, ownedBy: rank)) == own)
        }
      }
    }
  }

  @Test func neighborsGoToDifferentRanks() {
    let partition = RowPartition(rows: 10, ranks: 3)
    #expect((0..<10).map(partition.owner(of:)) == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    #expect((0..<3).map(partition.count(ownedBy:)) == [4, 3, 3])
  }
}
