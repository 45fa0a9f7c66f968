/// bfloat16 on the wire: the upper half of a float, rounded to nearest, ties to even.
enum BrainFloat {
  /// Rounds every value; a NaN stays one.
  static func round(_ values: UnsafeMutableBufferPointer<Float>, into words: UnsafeMutableBufferPointer<UInt16>) {
    precondition(words.count >= values.count, "\(values.count) values into \(words.count) words")
    for place in 0..<values.count {
      let bits = values[place].bitPattern
      let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
      words[place] = UInt16(truncatingIfNeeded: values[place].isNaN ? bits >> 16 | 0x40 : rounded)
    }
  }

  /// The floats that words stand for.
  static func widen(_ words: UnsafeBufferPointer<UInt16>, into values: UnsafeMutableBufferPointer<Float>) {
    for place in 0..<words.count { values[place] = widen(words[place]) }
  }

  /// Adds the ranks' words `[ranks, count]` from rank 0 on, in fp32.
  static func sumInRankOrder(_ all: UnsafePointer<UInt16>, ranks: Int, into sums: UnsafeMutableBufferPointer<Float>) {
    for place in 0..<sums.count { sums[place] = widen(all[place]) }
    for rank in 1..<ranks {
      let part = all + rank * sums.count
      for place in 0..<sums.count { sums[place] += widen(part[place]) }
    }
  }

  private static func widen(_ word: UInt16) -> Float { Float(bitPattern: UInt32(word) << 16) }
}
