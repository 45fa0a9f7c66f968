import Model
import Tensors
import TestSupport
import Testing

@Suite struct PackedBatchTests {
  @Test func describesItsSequences() {
    let batch = LayerFixture.batch([2, 0, 5, 1])
    #expect(batch.users == 4 && batch.positions == 8 && batch.longest == 5)
    #expect((0..<4).map(batch.rows(of:)) == [0..<2, 2..<2, 2..<7, 7..<8])
  }

  @Test func goesThroughItselfInBlocksOfWholeSequences() {
    var blocks: [(rows: Range<Int>, sequences: [Range<Int>])] = []
    LayerFixture.batch([2, 0, 5, 1, 9, 3, 1]).forEachBlock(rows: 8) { blocks.append(($0.rows, Array($0))) }
    #expect(blocks.map(\.rows) == [0..<8, 8..<17, 17..<21])
    #expect(blocks.map(\.sequences) == [[0..<2, 2..<2, 2..<7, 7..<8], [0..<9], [0..<3, 3..<4]])
    LayerFixture.batch([]).forEachBlock { _ in Issue.record("a block of nothing") }
  }

  @Test func mayBeEmpty() {
    let batch = LayerFixture.batch([])
    #expect(batch.users == 0 && batch.positions == 0 && batch.longest == 0)
  }
}
