import Testing

@testable import Datasets

struct TrainedItemsTests {
  /// The i-th is that of a plain list, whatever runs of items without events lie between.
  @Test(arguments: [0, 1, 63, 64, 65, 511, 512, 513, 3000], [1, 2, 7, 600]) func areThoseOfAList(items: Int, every: Int) {
    let counts = (0..<items).map { UInt32($0 / every % 2 == 0 && $0 % 3 < 2 ? $0 + 1 : 0) }
    let trained = TrainedItems(trainCounts: counts)
    let list = counts.indices.filter { counts[$0] > 0 }.map(Int32.init)
    #expect(trained.count == list.count && (0..<trained.count).map { trained[$0] } == list)
    var all: [Int32] = []
    trained.forEach { all.append($0) }
    #expect(all == list)
  }
}
