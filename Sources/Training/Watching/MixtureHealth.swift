import Collectives
import Datasets
import Files
import Foundation
import Model
import Reporting
import Tensors
import Texts

/// How a model's mixture of experts shares out the items: load, entropy of the gate, and what each expert is about.
///
/// Ours. Taken over every item of the catalogue that has text, once each, by the gate that ranking uses. Sums go in the order of items, so
/// any number of ranks gives the same numbers.
struct MixtureHealth: Sendable, Equatable {
  /// Items with text.
  package private(set) var items = 0
  /// The share of the routed slots that each expert has (K numbers of sum 1); 1/K each when even.
  package private(set) var load: [Double]
  /// Mean over the items of `− Σ_j g_j ln g_j`, in nats: 0 when one expert decides alone, `ln k` when the k chosen ones weigh alike.
  package private(set) var gateEntropy = 0.0
  /// `ln k`, the most that the entropy can be.
  package let gateEntropyLimit: Double
  /// The words that most mark each expert, the clearest first, at most ``wordCount`` each.
  ///
  /// On rank 0; the other ranks have none.
  package private(set) var words: [[String]]

  /// How many words an expert gets.
  static let wordCount = 8
  /// Items that are routed at a time.
  private static let blockRows = 4096

  /// Routes every item; nil for items without a semantic half.
  ///
  /// Collective.
  init?(
    _ model: PreciseModel, _ dataset: Dataset, communicator: any Communicator, workspace: Workspace
  ) throws {
    let shape = model.shape.fusion
    guard shape.readsText else { return nil }
    load = [Double](repeating: 0, count: shape.experts)
    words = load.map { _ in [] }
    gateEntropyLimit = log(Double(shape.active))
    var means = load
    var counted = ExpertWords(experts: shape.experts)
    let count = dataset.items.count
    for start in stride(from: 0, to: count, by: Self.blockRows) {
      let run = start..<min(start + Self.blockRows, count)
      try workspace.scope {
        let gates = workspace.matrix(run.count, shape.experts)
        try model.items.gates(of: run, into: gates, communicator: communicator, workspace: workspace)
        for (row, item) in run.enumerated() {
          let weights = (0..<shape.experts).map { Double(gates[row, $0]) }
          guard add(weights, to: &means) else { continue }
          guard communicator.rank == 0 else { continue }
          counted.add(distinctWords(dataset.items.storedText(item), limit: shape.tokens), gates: weights)
        }
      }
    }
    finish(means, counted)
  }

  /// Adds an item; false when it has no text.
  private mutating func add(_ gates: [Double], to means: inout [Double]) -> Bool {
    guard gates.contains(where: { $0 > 0 }) else { return false }
    items += 1
    for (expert, gate) in gates.enumerated() where gate > 0 {
      means[expert] += gate
      load[expert] += 1
      gateEntropy -= gate * log(gate)
    }
    return true
  }

  /// Turns sums into shares and means.
  private mutating func finish(_ sums: [Double], _ counted: ExpertWords) {
    let (slots, items) = (max(load.reduce(0, +), 1), Double(max(items, 1)))
    for expert in load.indices {
      load[expert] /= slots
      words[expert] = counted.marks(of: expert, mean: sums[expert] / items, count: Self.wordCount)
    }
    gateEntropy /= items
  }

  /// As `metrics.jsonl` has it.
  func record(phase: String, step: Int) -> MixtureRecord {
    MixtureRecord(
      phase: phase, step: step, itemsWithText: items, load: load, entropy: gateEntropy, limit: gateEntropyLimit, words: words)
  }

  /// One line for people.
  var summary: String {
    let shares = load.map { HumanFormat.decimal($0, 3) }.joined(separator: " ")
    let entropy = HumanFormat.decimal(gateEntropy, 3)
    return "experts' load \(shares), gate entropy \(entropy) of at most \(HumanFormat.decimal(gateEntropyLimit, 3)) nats"
  }
}

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
  private var indices: [String: Int] = [:]
  private var words: [String] = []
  private var items: [Double] = []
  /// Σ g over the items that have the word, `[words, K]`.
  private var weights: [Double] = []

  init(experts: Int) { self.experts = experts }

  /// Counts an item with its words and its gate weights (K).
  mutating func add(_ text: [String], gates: some Collection<Double>) {
    for word in text {
      guard let index = index(of: word) else { continue }
      items[index] += 1
      for (expert, gate) in gates.enumerated() { weights[index * experts + expert] += gate }
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

  private mutating func index(of word: String) -> Int? {
    if let index = indices[word] { return index }
    guard words.count < Self.mostWords else { return nil }
    indices[word] = words.count
    words.append(word)
    items.append(0)
    weights.append(contentsOf: repeatElement(0, count: experts))
    return words.count - 1
  }
}
