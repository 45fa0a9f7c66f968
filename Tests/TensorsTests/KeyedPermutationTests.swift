import Tensors
import Testing

@Suite struct KeyedPermutationTests {
  private let stream = RandomStream(seed: 1, purpose: .permutation)

  private func order(_ count: Int, row: UInt64 = 0, stream: RandomStream? = nil) -> [Int] {
    let permutation = KeyedPermutation(count: count, stream: stream ?? self.stream, row: row)
    return (0..<count).map { permutation[$0] }
  }

  @Test func everyElementComesOnce() {
    for count in Array(1...200) + [1023, 1024, 1025, 4097, 20_011] {
      var seen = [Bool](repeating: false, count: count)
      for element in order(count) {
        #expect(!seen[element], "\(element) of \(count) comes twice")
        seen[element] = true
      }
      #expect(seen.allSatisfy { $0 })
    }
  }

  @Test func largeCountsStayInBounds() {
    for count in [1 << 31, 1 << 32 + 1, 1 << 40] {
      let permutation = KeyedPermutation(count: count, stream: stream, row: 3)
      let some = (0..<1000).map { permutation[$0] }
      #expect(some.allSatisfy { (0..<count).contains($0) })
      #expect(Set(some).count == 1000)
    }
  }

  @Test func anotherKeyIsAnotherOrder() {
    let orders = [
      order(50), order(50, row: 1), order(50, row: 1 << 33), order(50, stream: RandomStream(seed: 2, purpose: .permutation)),
      order(50, stream: RandomStream(seed: 1, purpose: .permutation, step: 1)), Array(0..<50),
    ]
    #expect(Set(orders).count == orders.count)
    #expect(order(50) == orders[0])
  }

  @Test func firstPlacesAreFair() {
    var counts = [Int](repeating: 0, count: 10)
    for row in 0..<5000 { counts[KeyedPermutation(count: 10, stream: stream, row: UInt64(row))[0]] += 1 }
    #expect(counts.allSatisfy { abs($0 - 500) < 110 })  // five standard deviations
  }
}
