import Tensors
import TestSupport
import Testing

@Suite struct RadixSortTests {
  private func sorted(_ numbers: [Int32]) -> [Int32] {
    var numbers = numbers
    let scratch = Storage<Int32>(count: numbers.count)
    numbers.withUnsafeMutableBufferPointer { radixSort($0, scratch: scratch.base) }
    return numbers
  }

  @Test(arguments: [1, 255, 256, 257, 65_535, 65_536, 1 << 24, Int(Int32.max)]) func ascends(below bound: Int) {
    for (seed, count) in [0, 1, 2, 300, 5000].enumerated() {
      let numbers = RandomValues.integers(count, below: bound, seed: UInt64(seed)).map(Int32.init)
      #expect(sorted(numbers) == numbers.sorted())
    }
  }

  @Test func theLargestNumberHasItsPlace() {
    #expect(sorted([.max, 0, .max - 1, 255, 256, 0]) == [0, 0, 255, 256, .max - 1, .max])
  }
}
