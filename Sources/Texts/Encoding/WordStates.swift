import Synchronization

/// States of words met before, so that a word of many titles is hashed once.
///
/// Ours. Bounded: when a part is full, all of the part goes and the words at hand come back, which with words as uneven as those of
/// titles costs little. What it returns is what would have been computed, so it cannot show in a result. Ranks that are threads
/// share one, lest each hash all words again and hold them; each word has its part, with a lock of its own, so that they seldom wait.
package final class WordStates: Sendable {
  private struct Store {
    /// Where each word's state begins in `values`.
    var indices: [[UInt32]: Int] = [:]
    var values: [Float] = []
  }

  /// On the heap: a lock cannot be moved.
  private final class Part: Sendable {
    let store = Mutex(Store())
  }

  private let parts: [Part]
  private let mostValues: Int

  /// Knows no word.
  package convenience init() { self.init(mostValues: 8 << 20, parts: 64) }

  /// Holds at most `mostValues` Floats (32 MiB, the words of most catalogues) in so many parts.
  init(mostValues: Int, parts: Int) {
    self.parts = (0..<parts).map { _ in Part() }
    self.mostValues = mostValues / parts
  }

  /// Writes the state of a word, asking `compute` for it where it has not been met.
  func write(
    _ word: ArraySlice<UInt32>, to state: UnsafeMutableBufferPointer<Float>, compute: (UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    guard let target = state.baseAddress else { return }
    let key = Array(word)
    let part = parts[Int(HashedEncoder.number(of: word) % UInt64(parts.count))]
    let isKnown = part.store.withLock { store in
      guard let position = store.indices[key] else { return false }
      store.values.withUnsafeBufferPointer { values in
        if let base = values.baseAddress { target.update(from: base + position, count: state.count) }
      }
      return true
    }
    guard !isKnown else { return }
    compute(state)
    part.store.withLock { store in
      // Another rank may have been faster.
      guard store.indices[key] == nil else { return }
      if store.values.count + state.count > mostValues {
        store.indices.removeAll(keepingCapacity: true)
        store.values.removeAll(keepingCapacity: true)
      }
      store.indices[key] = store.values.count
      store.values.append(contentsOf: state)
    }
  }

  /// Words held at present.
  var count: Int { parts.reduce(0) { $0 + $1.store.withLock { $0.indices.count } } }
}
