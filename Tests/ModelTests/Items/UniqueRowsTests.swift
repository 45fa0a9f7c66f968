import Model
import Tensors
import TestSupport
import Testing

@Suite struct UniqueRowsTests {
  private func check(_ unique: UniqueRows, _ lists: [[Int]]) {
    let kept = lists.map { RowList.kept($0) }
    switch kept.count {
    case 1: unique.collect(kept[0])
    case 2: unique.collect(kept[0], kept[1])
    default: unique.collect(kept[0], kept[1], kept[2])
    }
    let expected = Set(lists.joined()).sorted()
    #expect(unique.count == expected.count)
    #expect(unique.rows.map(Int.init) == expected)
    for list in kept {
      let indices = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, list.count))
      defer { indices.deallocate() }
      unique.locate(list, into: indices)
      #expect(list.indices.allSatisfy { expected[Int(indices[$0])] == Int(list[$0]) })
    }
  }

  @Test func distinctAscendingAndFound() {
    let unique = UniqueRows()
    check(unique, [[5, 3, 5, 0, 3]])
    check(unique, [[], []])
    check(unique, [[7], [7, 7], [2]])
    check(unique, [[Int(Int32.max), 0, Int(Int32.max) - 1]])
  }

  @Test func reuseForgetsTheListsBefore() {
    let unique = UniqueRows()
    for (round, size) in [3, 5000, 1, 700, 0, 5000, 40].enumerated() {
      check(unique, [RandomValues.integers(size, below: 3 * size + 1, seed: UInt64(round)), [round, 1_000_000 + round]])
    }
  }

  @Test func largeListsAndRowsFarApart() {
    let unique = UniqueRows()
    check(
      unique, [RandomValues.integers(100_000, below: 30_000, seed: 1), RandomValues.integers(50_000, below: 1 << 30, seed: 2)])
    // Multiples of a power of two are where a weak hash would make one long chain.
    check(unique, [(0..<20_000).map { $0 << 16 }.filter { $0 < Int(Int32.max) }, (0..<20_000).map { $0 * 4096 }])
  }

  @Test(arguments: [2, 3, 7]) func ofAPartitionedTableOwnerAfterOwner(_ ranks: Int) {
    let rows = 101
    let list = RandomValues.integers(300, below: rows, seed: 8) + [0, rows - 1]
    let unique = UniqueRows(of: RowPartition(rows: rows, ranks: ranks))
    unique.collect(.kept(list))
    let expected = Set(list).sorted { ($0 % ranks, $0) < ($1 % ranks, $1) }
    #expect(unique.rows.map(Int.init) == expected)
    let indices = UnsafeMutablePointer<Int32>.allocate(capacity: list.count)
    defer { indices.deallocate() }
    unique.locate(.kept(list), into: indices)
    #expect(list.indices.allSatisfy { expected[Int(indices[$0])] == list[$0] })
  }
}
