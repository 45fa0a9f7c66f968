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
    /// The most similar items of each; as many as are recommended where that is more, up to a thousand.
    package var reach = 100
    /// What an event's word loses with each newer one.
    package var decay: Float = 0.9

    /// Twenty events, a hundred items of each.
    package init() {}
  }

  /// The farthest reach, whatever is recommended.
  private static let mostReach = 1_000
  /// Neighbors that are kept, of all items together, 16 bytes each: users share most of theirs.
  private static let mostKept = 10_000_000

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
    try keep(users.map { $0.items[..<history.end($0)] })
    return users.map { events in
      let known = events.items[..<history.end(events)]
      let seen = Set(known)
      var top = TopItems(rules.count)
      for (item, score) in scores(known) where !(rules.excludesSeen && seen.contains(item)) {
        top.offer(Int(item), score)
      }
      return Recommender.List(
        items: top.best.map { .init(item: $0.item, score: $0.score, isSeen: seen.contains(Int32($0.item))) },
        seenLeftOut: candidates.seenLeftOut(seen, rules))
    }
  }

  /// What every item that is reached gets.
  private func scores(_ known: some BidirectionalCollection<Int32>) -> [Int32: Float] {
    var (scores, weight): ([Int32: Float], Float) = ([:], 1)
    for item in newest(known) {
      for entry in kept[item] ?? [] { scores[Int32(entry.item), default: 0] += weight * entry.score }
      weight *= walk.decay
    }
    return scores
  }

  /// The newest distinct items, newest first, as far as the walk goes.
  private func newest(_ items: some BidirectionalCollection<Int32>) -> [Int32] {
    var (walked, newest): (Set<Int32>, [Int32]) = ([], [])
    for item in items.reversed() where newest.count < walk.events && walked.insert(item).inserted { newest.append(item) }
    return newest
  }

  /// Finds what is not kept yet of the items that some histories are walked from, all at once.
  private func keep(_ histories: [some BidirectionalCollection<Int32>]) throws {
    let reach = max(walk.reach, min(rules.count, Self.mostReach))
    if kept.count > Self.mostKept / reach { kept.removeAll(keepingCapacity: true) }
    let missing = Set(histories.flatMap { newest($0) }).filter { kept[$0] == nil }.sorted()
    let found = try nearest.similar(reach, to: missing.map { Int($0) }, share: candidates.share) { candidates.allows($0) }
    for (item, entries) in zip(missing, found) { kept[item] = entries }
  }
}
