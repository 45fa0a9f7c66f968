/// Which items of a catalogue have a training event, and the i-th of them, in a bit an item.
///
/// Ours. A list of their numbers would take 32, on every rank.
package struct TrainedItems: Sendable {
  /// Words that share a number of items ahead.
  private static let wordsPerBlock = 8

  /// How many they are.
  package let count: Int
  /// A bit for each item.
  private let words: [UInt64]
  /// How many are ahead of each block of words.
  private let ahead: [Int32]

  /// Looks at the training events of each item.
  package init(trainCounts: some Collection<UInt32>) {
    var words = [UInt64](repeating: 0, count: (trainCounts.count + 63) / 64)
    for (item, count) in trainCounts.enumerated() where count > 0 { words[item / 64] |= 1 << UInt64(item % 64) }
    var (ahead, count) = ([Int32](), 0)
    for (index, word) in words.enumerated() {
      if index % Self.wordsPerBlock == 0 { ahead.append(Int32(count)) }
      count += word.nonzeroBitCount
    }
    (self.words, self.ahead, self.count) = (words, ahead, count)
  }

  /// The `index`-th of them, rising.
  package subscript(index: Int) -> Int32 {
    precondition(index >= 0 && index < count, "item \(index) of \(count) with training events")
    var (low, high) = (0, ahead.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if Int(ahead[middle]) <= index { low = middle } else { high = middle }
    }
    var (rest, number) = (index - Int(ahead[low]), low * Self.wordsPerBlock)
    while rest >= words[number].nonzeroBitCount {
      rest -= words[number].nonzeroBitCount
      number += 1
    }
    var word = words[number]
    for _ in 0..<rest { word &= word - 1 }
    return Int32(64 * number + word.trailingZeroBitCount)
  }

  /// Calls `body` with each of them, rising.
  func forEach(_ body: (Int32) -> Void) {
    for (number, bits) in words.enumerated() {
      var word = bits
      while word != 0 {
        body(Int32(64 * number + word.trailingZeroBitCount))
        word &= word - 1
      }
    }
  }
}
