import Collectives

/// Counts in how many of a catalogue's texts each word stands.
struct WordCounts {
  /// Texts that have at least one word.
  private(set) var texts = 0
  private var frequencies: [UInt64: Int] = [:]

  /// Counts a text's words and features, each once.
  mutating func count(_ text: String) {
    let split = TextTokens(text, limit: LexicalEncoder.mostWords)
    let words = Set(split.tokens.map { HashedEncoder.number(of: split.scalars[$0]) })
    guard !words.isEmpty else { return }
    texts += 1
    for word in words { frequencies[word, default: 0] += 1 }
  }

  /// Adds the ranks' counts up; collective.
  ///
  /// Whole numbers, so the sums do not depend on who counted what.
  ///
  /// Each rank adds up the words of its own part of all hashes, rank after rank: the parts one behind the other are the words rising,
  /// and no rank alone does all the adding and sorting.
  consuming func shared(on communicator: any Communicator) throws -> SharedWords {
    let words = frequencies.keys.sorted()
    var parts = [Int](repeating: 0, count: communicator.size)
    for word in words { parts[Int(word.multipliedFullWidth(by: UInt64(communicator.size)).high)] += 1 }
    let counts = words.map { frequencies[$0] ?? 0 }
    let received = try communicator.exchangeCounts(parts)
    let theirWords = try Self.exchange(words, parts, received, on: communicator)
    let theirCounts = try Self.exchange(counts, parts, received, on: communicator)
    frequencies = Dictionary(zip(theirWords, theirCounts)) { $0 + $1 }
    let sorted = frequencies.keys.sorted()
    return try SharedWords(
      texts: try communicator.gatherCounts(texts).reduce(0, +), words: sorted, frequencies: sorted.map { frequencies[$0] ?? 0 },
      on: communicator)
  }

  private static func exchange<Element: BitwiseCopyable>(
    _ own: [Element], _ parts: [Int], _ received: [Int], on communicator: any Communicator
  ) throws -> [Element] {
    let total = received.reduce(0, +)
    return try [Element](unsafeUninitializedCapacity: total) { theirs, count in
      try own.withUnsafeBufferPointer { try communicator.allToAll($0, counts: parts, into: theirs, counts: received) }
      count = total
    }
  }
}

/// A catalogue's words, of which each rank has a part, and the weights of all.
struct SharedWords {
  /// The words of this rank's part, rising, and in how many texts each stands.
  let words: [UInt64]
  let frequencies: [Int]
  /// Words before this part, and in all.
  let first: Int
  let total: Int
  /// The weights of all words, on every rank.
  let weights: WordWeights

  /// Tells every rank all words' weights; collective.
  fileprivate init(texts: Int, words: [UInt64], frequencies: [Int], on communicator: any Communicator) throws {
    (self.words, self.frequencies) = (words, frequencies)
    let parts = try communicator.gatherCounts(words.count)
    (first, total) = (parts[..<communicator.rank].reduce(0, +), parts.reduce(0, +))
    weights = WordWeights(
      texts: texts, words: try communicator.gather(words),
      weights: try communicator.gather(frequencies.map { WordWeights.weight(frequency: $0, texts: texts) }))
  }
}
