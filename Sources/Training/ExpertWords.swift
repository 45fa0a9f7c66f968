/// Which words of the items' texts mark an expert.
///
/// Ours. A word marks an expert when items whose text has it weigh the expert more than items on average do:
///
///     mark_wj = (Σ_{i ∋ w} g_ij + a · ḡ_j) / ((n_w + a) · ḡ_j)
///
/// `n_w` items have the word and `ḡ_j` is the mean weight over all items with text. `a` items of the mean are added, so that a word of one
/// or two items is no expert's mark.
struct ExpertWords {
  /// a, the items that a word is smoothed by.
  private static let smoothing = 10.0
  /// Distinct words that are counted at most; of larger catalogues, those that come first.
  private static let mostWords = 1 << 18

  private let experts: Int
  private var places: [String: Int] = [:]
  private var words: [String] = []
  private var items: [Double] = []
  /// Σ g over the items that have the word, `[words, K]`.
  private var weights: [Double] = []

  init(experts: Int) { self.experts = experts }

  /// Counts an item with its words and its gate weights (K).
  mutating func add(_ text: [String], gates: some Collection<Double>) {
    for word in text {
      guard let place = place(of: word) else { continue }
      items[place] += 1
      for (expert, gate) in gates.enumerated() { weights[place * experts + expert] += gate }
    }
  }

  /// The words that most mark an expert, the clearest first; none below the average.
  ///
  /// - Parameter mean: ḡ_j.
  func marks(of expert: Int, mean: Double, count: Int) -> [String] {
    guard mean > 0 else { return [] }
    let marks = words.indices.map { word in
      (weights[word * experts + expert] + Self.smoothing * mean) / ((items[word] + Self.smoothing) * mean)
    }
    // Rounding alone lifts a word of an average a little above 1.
    let candidates = words.indices.filter { marks[$0] > 1 + 1e-9 }
    return candidates.sorted { left, right in
      (marks[left], items[left], words[right]) > (marks[right], items[right], words[left])
    }.prefix(count).map { words[$0] }
  }

  private mutating func place(of word: String) -> Int? {
    if let place = places[word] { return place }
    guard words.count < Self.mostWords else { return nil }
    places[word] = words.count
    words.append(word)
    items.append(0)
    weights.append(contentsOf: repeatElement(0, count: experts))
    return words.count - 1
  }
}
