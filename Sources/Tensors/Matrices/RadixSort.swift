/// Sorts numbers that are not negative, ascending, eight bits after eight bits from the lowest on.
///
/// Ours: the library's sort takes memory of its own, and a step takes none; of a few thousand row numbers this one is the faster, too.
///
/// - Parameter scratch: room for as many numbers.
package func radixSort(_ numbers: UnsafeMutableBufferPointer<Int32>, scratch: UnsafeMutablePointer<Int32>) {
  guard let base = numbers.baseAddress, let largest = numbers.max() else { return }
  precondition(numbers.allSatisfy { $0 >= 0 }, "a negative number is sorted by its bits")
  var (source, target, shift) = (base, scratch, Int32(0))
  while shift < 32, largest >> shift > 0 {
    scatter(source, numbers.count, into: target, byBitsFrom: shift)
    swap(&source, &target)
    shift += 8
  }
  if source != base { base.update(from: source, count: numbers.count) }
}

/// Moves numbers into the order of eight of their bits; those that agree in them stay in their order.
private func scatter(
  _ source: UnsafePointer<Int32>, _ count: Int, into target: UnsafeMutablePointer<Int32>, byBitsFrom shift: Int32
) {
  withUnsafeTemporaryAllocation(of: Int32.self, capacity: 256) { next in
    next.initialize(repeating: 0)
    for index in 0..<count { next[Int(source[index] >> shift & 255)] += 1 }
    var start: Int32 = 0
    for digit in 0..<256 { (start, next[digit]) = (start + next[digit], start) }
    for index in 0..<count {
      let digit = Int(source[index] >> shift & 255)
      target[Int(next[digit])] = source[index]
      next[digit] += 1
    }
  }
}
