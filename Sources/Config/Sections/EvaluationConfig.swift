import Files

/// When and how the model is evaluated: full ranking over the catalogue, never sampled.
package struct EvaluationConfig: Sendable, Equatable {
  /// Epochs between two evaluations on the validation events; 0 = only at the end of a phase.
  package var everyEpochs = 1
  /// Evaluations that may pass without a better one before a phase ends; nil = it goes to its last step.
  package var patience: Int?
  /// The k of Recall@k and NDCG@k; nil = the usual ones, as far as the catalogue goes.
  package var cutoffs: [Int]?
  /// Whether items of the user's history are taken out of the ranking.
  package var filterSeen = false
  /// The most MiB of item embeddings that a rank holds to evaluate or export with; a larger catalogue is formed anew, block by block.
  package var catalogueMib = 1024
  /// The validation metric that says which checkpoint is best: `ndcg@k`, `recall@k` or `mrr`.
  package var selectBy = "ndcg@10"

  /// The k that nobody has to ask for.
  static let usualCutoffs = [5, 10, 20, 50]

  /// The same in bytes.
  package var catalogueBytes: Int { catalogueMib << 20 }

  /// The cut-offs over a catalogue of so many items: a usual one beyond it gives way to the number of its items.
  package func cutoffs(items: Int) -> [Int] {
    cutoffs ?? Set(Self.usualCutoffs.map { min($0, max(items, 1)) }).sorted()
  }

  /// The metric of `selectBy` over a catalogue of so many items, as the evaluation names it: of 6 items, ndcg@10 is ndcg@6.
  package func metric(items: Int) -> String {
    let parts = selectBy.split(separator: "@")
    guard cutoffs == nil, parts.count == 2, let k = Int(parts[1]) else { return selectBy }
    return "\(parts[0])@\(min(k, max(items, 1)))"
  }

  /// The defaults.
  init() {}
}

extension EvaluationConfig: ConfigSection {
  static let about =
    "How a model is evaluated: each user's held-out item is ranked among all items of the catalogue, never among a sample."

  static let keys: [ConfigKey<EvaluationConfig>] = [
    .value("every_epochs", \.everyEpochs, .within(0...1_000_000), "epochs between two evaluations; 0 = only at a phase's end"),
    .value(
      "patience", \.patience, .orNull(.within(1...1_000_000)),
      "evaluations without a better one that end a phase early; null = it goes to its last step. The learning rate falls by the whole phase's steps all the same"
    ),
    .value(
      "cutoffs", \.cutoffs, .orNull(.cutoffs), "the k of recall@k and ndcg@k; null = 5, 10, 20, 50, as far as the catalogue goes"),
    .value(
      "filter_seen", \.filterSeen, .any, "take the items of a user's history out of the ranking (the paper's tables do not)"),
    .value(
      "catalogue_mib", \.catalogueMib, .within(0...1_048_576),
      "MiB of item embeddings that a rank holds for rankings; a larger catalogue is computed block by block"),
    .value("select_by", \.selectBy, .any, "validation metric that says which checkpoint is best: ndcg@k, recall@k or mrr"),
  ]
}

extension ConfigRange<[Int]> {
  /// Rising cutoffs.
  static let cutoffs = ConfigRange(
    rule: "from 1 to 100000, rising, at least one",
    schema: [
      .init("items", .object([.init("type", "integer"), .init("minimum", 1), .init("maximum", 100_000)])), .init("minItems", 1),
      .init("uniqueItems", true),
    ]
  ) { values in
    let rising = zip(values, values.dropFirst()).allSatisfy { $0 < $1 }
    return !values.isEmpty && rising && values.allSatisfy { (1...100_000).contains($0) }
  }
}
