import Testing

@testable import Texts

struct WordStatesTests {
  @Test func wordsHeldAreBounded() {
    let known = WordStates(mostValues: 8)
    var state: [Float] = [0, 0]
    var computed: [UInt32] = []
    for word in [1, 2, 1, 3, 4, 1, 5, 1, 5] as [UInt32] {
      state.withUnsafeMutableBufferPointer { state in
        known.write([word], to: state) {
          computed.append(word)
          $0.update(repeating: Float(word))
        }
      }
      #expect(known.count <= 4)
      #expect(state == [Float(word), Float(word)])
    }
    // 5 finds it full, and everything goes: 1 is computed again, then both are known.
    #expect(computed == [1, 2, 3, 4, 5, 1])
  }
}
