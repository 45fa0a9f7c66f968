package import Datasets
import Tensors

/// Recommends through items: U2I2I, from a user's newest events to the items most like each.
///
/// Ours, in the usual form of item-to-item retrieval. The newest `events` distinct items of a user are walked from. Each gives its `reach`
/// most similar items by the cosine of embeddings without codes, which `recommend --item` prints. An item's score is the sum of its cosines
/// with the events that gave it, each times `decay` to the power of the event's place, the newest one's being 0. Equal
/// scores stand by catalogue row. No model reads the sequence, so a user may be newer than the model.
package final class NeighborWalk {
  /// How far the walk goes.
  package struct Rules: Sendable {
    /// Distinct items that are walked from, the newest ones.
    package var events = 20
    /// The most similar items of each; not fewer than are recommended.
    package var reach = 100
    /// What an event's word loses with each newer one.
    package var decay: Float = 0.9

    /// Twenty events, a hundred items of each.
    package init() {}
  }

  /// Items whose neighbors are kept: users share most of theirs.
  private static let mostKept = 100_000

  private let rules: Recommender.Rules
  private let walk: Rules
  private let nearest: NearestItems
  private let candidates: CandidateRule
  private var kept: [Int32: [TopItems.Entry]] = [:]

  /// Walks through a model's items.
  ///
  /// - Parameter index: by which neighbors are found; nil = exactly, by all products.
  package init(_ served: ServedModel, index: ItemIndex?, rules: Recommender.Rules, walk: Rules = Rules()) {
    precondition(rules.newPlaces == 0 && rules.quotas.isEmpty, "a walk keeps no places")
    (self.rules, self.walk) = (rules, walk)
    nearest = NearestItems(served, index: index)
    candidates = CandidateRule(ServedItems(served.dataset), rules)
  }

  /// The best items for each user; fewer than k where the walk reaches no more.
  ///
  /// Throws `InputError` when there is no memory.
  ///
  /// - Parameter history: which of their events are known.
  package func recommend(
    _ users: [UserEvents], history: ServedModel.HistoryExtent
  ) throws -> [Recommender.List] {
    try users.map { events in
      let known = events.items[..<history.end(events)]
      let seen = Set(known)
      var top = TopItems(rules.count)
      for (item, score) in try scores(known.reversed()) where !(rules.excludesSeen && seen.contains(item)) {
        top.offer(Int(item), score)
      }
      return Recommender.List(
        items: top.best.map { .init(item: $0.item, score: $0.score, isSeen: seen.contains(Int32($0.item))) },
        seenLeftOut: candidates.seenLeftOut(seen, rules))
    }
  }

  /// What every item that is reached gets.
  private func scores(_ newestFirst: some Sequence<Int32>) throws -> [Int32: Float] {
    var (scores, walked): ([Int32: Float], Set<Int32>) = ([:], [])
    var weight: Float = 1
    for item in newestFirst where walked.insert(item).inserted {
      for entry in try neighbors(of: item) { scores[Int32(entry.item), default: 0] += weight * entry.score }
      weight *= walk.decay
      if walked.count == walk.events { break }
    }
    return scores
  }

  private func neighbors(of item: Int32) throws -> [TopItems.Entry] {
    if let known = kept[item] { return known }
    let found = try nearest.similar(max(walk.reach, rules.count), to: Int(item), share: candidates.share) {
      candidates.allows($0)
    }
    if kept.count == Self.mostKept { kept.removeAll(keepingCapacity: true) }
    kept[item] = found
    return found
  }
}
