import Synchronization

/// States of words met before, so that a word of many titles is hashed once.
///
/// Ours. Bounded: when full, everything goes and the words at hand come back, which with words as uneven as those of titles costs
/// little. What it returns is what would have been computed, so it cannot show in a result.
final class WordStates: Sendable {
  private struct Store {
    /// Where each word's state begins in `values`.
    var places: [[UInt32]: Int] = [:]
    var values: [Float] = []
  }

  private let store = Mutex(Store())
  private let mostValues: Int

  /// Holds at most `mostValues` Floats (32 MiB, the words of most catalogues).
  init(mostValues: Int = 8 << 20) { self.mostValues = mostValues }

  /// Writes the state of a word, asking `compute` for it where it has not been met.
  func write(
    _ word: ArraySlice<UInt32>, to state: UnsafeMutableBufferPointer<Float>, compute: (UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    guard let target = state.baseAddress else { return }
    let key = Array(word)
    let isKnown = store.withLock { store in
      guard let place = store.places[key] else { return false }
      store.values.withUnsafeBufferPointer { values in
        if let base = values.baseAddress { target.update(from: base + place, count: state.count) }
      }
      return true
    }
    guard !isKnown else { return }
    compute(state)
    store.withLock { store in
      if store.values.count + state.count > mostValues {
        store.places.removeAll(keepingCapacity: true)
        store.values.removeAll(keepingCapacity: true)
      }
      store.places[key] = store.values.count
      store.values.append(contentsOf: state)
    }
  }

  /// Words held at present.
  var count: Int { store.withLock { $0.places.count } }
}
