/// Token states from the words and features of a text alone: no model, no download, the same everywhere.
///
/// Ours, after fastText's subwords. Each of the first `maxTokens` words of the text (see ``WordSplitter``)
/// becomes one token state
///
///     s = √dt · u / ‖u‖,   u = r("word") + 1/√c · Σ r(piece)
///
/// over the word's c pieces, the runs of 3 to 5 characters of `<word>`: half of a state is the word's own, half its pieces'. `r` gives a vector of dt independent,
/// nearly normal numbers (each the sum of four uniform ones) as a pure function of the piece's hash, so
/// a word has one state wherever it stands, words with pieces in common lie at an acute angle, and unrelated
/// ones nearly at a right angle. The root mean square of a state is 1 per element, the order of magnitude of
/// a language model's last, normed states (all-MiniLM-L6-v2: 0.4), so that both sorts suit the same learning rates.
///
/// A feature (``TextTokens``) has no pieces: `s = √dt · r / ‖r‖` of the whole field, since `price=10` is no more like `price=100` than like
/// any other.
package struct HashedEncoder: Sendable, Equatable {
  /// What records call it.
  package static let name = "hashed"
  /// The width of a token state.
  package let dimension: Int
  /// The most tokens a text gets; further words are left out.
  package let maxTokens: Int

  private static let pieceLengths = 3...5
  /// Pieces are taken from this many characters of a word at most, so that a hostile word costs no more than a text.
  private static let longestWord = 64
  /// Shared by copies of the encoder, and no part of what it is.
  private let known: WordStates

  /// Makes an encoder; both numbers must be at least 1.
  ///
  /// - Parameter known: what encoders of this dimension share.
  package init(dimension: Int, maxTokens: Int, known: WordStates = WordStates()) {
    precondition(dimension >= 1 && maxTokens >= 1, "dimension \(dimension) and tokens \(maxTokens) must be at least 1")
    self.dimension = dimension
    self.maxTokens = maxTokens
    self.known = known
  }

  /// Encoders are equal that give equal states.
  package static func == (left: HashedEncoder, right: HashedEncoder) -> Bool {
    left.dimension == right.dimension && left.maxTokens == right.maxTokens
  }

  /// The number of tokens ``encode(_:into:)`` makes of a text, 0 to `maxTokens`.
  package func tokenCount(_ text: String) -> Int {
    TextTokens(text, limit: maxTokens).tokens.count
  }

  /// Appends a text's token states, `dimension` numbers each.
  ///
  /// - Returns: The number of tokens; 0 for a text without a word or a feature.
  @discardableResult
  package func encode(_ text: String, into states: inout [Float]) -> Int {
    let split = TextTokens(text, limit: maxTokens)
    encode(split, into: &states)
    return split.tokens.count
  }

  /// Appends the states of tokens that were split before.
  func encode(_ split: TextTokens, into states: inout [Float]) {
    let start = states.count
    states.append(contentsOf: repeatElement(0, count: split.tokens.count * dimension))
    states.withUnsafeMutableBufferPointer { states in
      for (token, position) in split.tokens.enumerated() {
        let (word, first) = (split.scalars[position], start + token * dimension)
        known.write(word, to: UnsafeMutableBufferPointer(rebasing: states[first..<first + dimension])) {
          split.isWord(token) ? encodeWord(word, into: $0) : encodeFeature(word, into: $0)
        }
      }
    }
  }

  private func encodeWord(_ word: ArraySlice<UInt32>, into state: UnsafeMutableBufferPointer<Float>) {
    let marked = [UInt32(UInt8(ascii: "<"))] + word.prefix(Self.longestWord) + [UInt32(UInt8(ascii: ">"))]
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: dimension) { sums in
      sums.update(repeating: 0)
      var pieces = 0
      for length in Self.pieceLengths where length <= marked.count {
        for first in 0...marked.count - length {
          Self.addVector(Self.hash(marked[first..<first + length], tag: 1), to: sums)
          pieces += 1
        }
      }
      let pieceScale = 1 / Float(max(pieces, 1)).squareRoot()
      for index in 0..<dimension { state[index] = Float(sums[index]) * pieceScale }
      sums.update(repeating: 0)
      Self.addVector(Self.hash(word, tag: 0), to: sums)
      for index in 0..<dimension { state[index] += Float(sums[index]) }
      Self.normalize(state)
    }
  }

  private func encodeFeature(_ feature: ArraySlice<UInt32>, into state: UnsafeMutableBufferPointer<Float>) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: dimension) { sums in
      sums.update(repeating: 0)
      Self.addVector(Self.hash(feature, tag: 0), to: sums)
      for index in 0..<dimension { state[index] = Float(sums[index]) }
      Self.normalize(state)
    }
  }

  /// Scales a state to a root mean square of 1.
  private static func normalize(_ state: UnsafeMutableBufferPointer<Float>) {
    var squares: Float = 0
    for value in state { squares += value * value }
    // Zero only when every draw is: with few dimensions that can happen, and zero is a valid state then.
    let scale = squares > 0 ? (Float(state.count) / squares).squareRoot() : 0
    for index in state.indices { state[index] *= scale }
  }

  /// Adds the vector of a piece: element k is the sum of the four 16-bit fields of draw k, less its mean.
  ///
  /// Whole numbers, so that neither the order of pieces nor the machine's mathematics library matter.
  private static func addVector(_ key: UInt64, to sums: UnsafeMutableBufferPointer<Int32>) {
    for index in 0..<sums.count {
      let draw = mixed(key &+ UInt64(truncatingIfNeeded: index &+ 1) &* 0x9E37_79B9_7F4A_7C15)
      let pairs = (draw & 0x0000_FFFF_0000_FFFF) &+ ((draw &>> 16) & 0x0000_FFFF_0000_FFFF)
      let total = Int32(truncatingIfNeeded: (pairs &+ (pairs &>> 32)) & 0xFFFF_FFFF)
      sums[index] &+= total &- 2 &* 0xFFFF
    }
  }

  /// A word's or a feature's number, by which its occurrences are counted.
  static func number(of word: ArraySlice<UInt32>) -> UInt64 { hash(word, tag: 0) }

  /// A 64-bit hash of some characters: FNV-1a over scalars, then mixed.
  private static func hash(_ scalars: some Sequence<UInt32>, tag: UInt64) -> UInt64 {
    var hash = 0xCBF2_9CE4_8422_2325 ^ tag
    for scalar in scalars { hash = (hash ^ UInt64(scalar)) &* 0x0000_0100_0000_01B3 }
    return mixed(hash)
  }

  /// The output function of SplitMix64 (Steele, Lea, Flood 2014).
  @inline(__always)
  private static func mixed(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits &>> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits &>> 31)
  }
}
