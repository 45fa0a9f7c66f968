import CKernels
import TestSupport
import Testing

@testable import Tensors

/// Known answers of Random123's `kat_vectors` for philox4x32-10, for the Swift generator and for its twin in C.
@Suite struct PhiloxTests {
  struct Known: Sendable {
    let counter: [UInt32]
    let key: [UInt32]
    let answer: [UInt32]
  }

  static let known = [
    Known(counter: [0, 0, 0, 0], key: [0, 0], answer: [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
    Known(
      counter: .init(repeating: .max, count: 4), key: .init(repeating: .max, count: 2),
      answer: [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
    Known(
      counter: [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], key: [0xA409_3822, 0x299F_31D0],
      answer: [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]),
  ]

  private func swift(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {
    let block = Philox.block((counter[0], counter[1], counter[2], counter[3]), key: (key[0], key[1]))
    return [block.0, block.1, block.2, block.3]
  }

  private func c(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {
    var out = [UInt32](repeating: 0, count: 4)
    ck_philox(counter, key[0], key[1], &out)
    return out
  }

  @Test(arguments: known) func knownAnswers(_ known: Known) {
    #expect(swift(known.counter, known.key) == known.answer)
    #expect(c(known.counter, known.key) == known.answer)
  }

  @Test func theTwinsAgreeEverywhere() {
    for trial in 0..<200 {
      let words = (0..<6).map { UInt32(truncatingIfNeeded: RandomValues.bits(seed: 9, 6 * trial + $0)) }
      let (counter, key) = (Array(words[..<4]), Array(words[4...]))
      #expect(swift(counter, key) == c(counter, key))
    }
  }
}
