import TestSupport
import Testing

@testable import Evaluation

/// Numbers that stay where they are, as those of a data set do, until the tests end.
func lasting(_ counts: [UInt32]) -> UnsafeBufferPointer<UInt32> {
  let memory = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: counts.count)
  _ = memory.initialize(from: counts)
  return UnsafeBufferPointer(memory)
}

struct PopularityOrderTests {
  /// Without a table, places are those of a plain sort; counts on both sides of those that have a counter of their own.
  @Test(arguments: [UInt32(2), 9, 65_537, .max]) func placesAreThoseOfASort(most: UInt32) {
    let counts = (0..<200).map { index in
      let bits = UInt32(truncatingIfNeeded: RandomValues.bits(seed: 5, index))
      return index % 5 == 0 ? 0 : bits % 3 == 0 ? most - bits / 3 % 2 : bits % min(most, 70_000)
    }
    let order = PopularityOrder(lasting(counts))
    let sorted = counts.indices.sorted { (counts[$0], $1) > (counts[$1], $0) }
    #expect(order.rows.map(Int.init) == sorted && order.trained == counts.count { $0 > 0 })
    for (place, item) in sorted.enumerated() {
      #expect(order.item(at: place) == item && order.count(at: place) == counts[item])
      #expect(order.notBelow(Int32(item)) == counts.count { $0 >= counts[item] })
      #expect(sorted.indices.allSatisfy { order.isBefore(sorted[$0], Int32(item)) == ($0 < place) })
    }
  }

  @Test func anEmptyCatalogueHasNoPlaces() {
    let order = PopularityOrder(lasting([]))
    #expect(order.rows.isEmpty && order.trained == 0)
    #expect(PopularityOrder(lasting([0, 0])).trained == 0)
  }
}
