import Collectives
import Testing

@testable import Texts

struct WordStatesTests {
  @Test func wordsHeldAreBounded() {
    let known = WordStates(mostValues: 8, parts: 1)
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

  /// Threads that share it get each word's own state, also while it is emptied again and again.
  @Test func threadsGetTheWordsTheyAskFor() throws {
    let known = WordStates(mostValues: 60, parts: 3)
    try RankThreads.run(ranks: 4) { communicator in
      var state = [Float](repeating: 0, count: 5)
      for turn in 0..<20_000 {
        let word = UInt32((turn * (communicator.rank + 3)) % 29)
        state.withUnsafeMutableBufferPointer { state in
          known.write([word], to: state) { $0.update(repeating: Float(word)) }
        }
        guard state.allSatisfy({ $0 == Float(word) }) else { throw WrongState() }
      }
    }
    #expect((1...12).contains(known.count))
  }

  private struct WrongState: Error {}
}
