import Layers
import Tensors
import TestSupport
import Testing

@Suite struct PackedBatchTests {
  @Test func describesItsSequences() {
    let batch = LayerFixture.batch([2, 0, 5, 1])
    #expect(batch.users == 4 && batch.positions == 8 && batch.longest == 5)
    #expect((0..<4).map(batch.rows(of:)) == [0..<2, 2..<2, 2..<7, 7..<8])
  }

  @Test func mayBeEmpty() {
    let batch = LayerFixture.batch([])
    #expect(batch.users == 0 && batch.positions == 0 && batch.longest == 0)
  }
}
