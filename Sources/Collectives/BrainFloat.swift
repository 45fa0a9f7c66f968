import CKernels

/// bfloat16 on the wire: the upper half of a float, rounded to nearest, ties to even.
enum BrainFloat {
  /// Rounds every value; a NaN stays one.
  static func round(_ values: UnsafeMutableBufferPointer<Float>, into words: UnsafeMutableBufferPointer<UInt16>) {
    precondition(words.count >= values.count, "\(values.count) values into \(words.count) words")
    ck_bf16_narrow(values.count, values.baseAddress, words.baseAddress)
  }

  /// The floats that words stand for.
  static func widen(_ words: UnsafeBufferPointer<UInt16>, into values: UnsafeMutableBufferPointer<Float>) {
    precondition(values.count >= words.count, "\(words.count) words into \(values.count) values")
    ck_bf16_widen(words.count, words.baseAddress, values.baseAddress)
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
