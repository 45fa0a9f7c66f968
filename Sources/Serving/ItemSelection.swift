/// Which items may be recommended to anybody: of a scene, on a list, not on another.
struct CandidateRule {
  /// The rows that may be, rising.
  let rows: [Int]
  private let isAllowed: [Bool]

  /// The rule over a model's items, and over those that came later.
  init(_ items: ServedItems, _ rules: Recommender.Rules) {
    let isAllowed = (0..<items.count).map { item in
      (rules.scene.map { items.scenes(item).contains($0) } ?? true) && (rules.allowed?.contains(item) ?? true)
        && !rules.denied.contains(item)
    }
    self.isAllowed = isAllowed
    rows = isAllowed.indices.filter { isAllowed[$0] }
  }

  /// How much of all items may be.
  var share: Double { Double(rows.count) / Double(max(1, isAllowed.count)) }

  /// Whether an item may be.
  func allows(_ item: Int) -> Bool { isAllowed[item] }

  /// How many of the items that a user had are left out for that, under rules that leave them out.
  func seenLeftOut(_ seen: Set<Int32>, _ rules: Recommender.Rules) -> Int {
    rules.excludesSeen ? seen.count { allows(Int($0)) } : 0
  }
}

/// Which of the best items make the list: places for scenes, and for items without a training event.
///
/// Ours. With quotas, items are taken best first. Each takes a place of one of its scenes while there is one, else a place that is
/// nobody's; places that stay empty go to the best of what is left.
struct ItemSelection {
  /// Places kept for a scene.
  struct Quota {
    /// The scene's number.
    let scene: Int
    /// How many of the list's places are its own.
    let places: Int
    /// The rows of the items that may take one, rising.
    let candidates: [Int]
  }

  /// The length of the list.
  let count: Int
  /// Places kept for scenes.
  let quotas: [Quota]
  /// Places kept for new items.
  let newPlaces: Int
  /// Items without a training event.
  let isNew: (Int) -> Bool

  /// The list, best first but for kept places of new items, which are last.
  ///
  /// - Parameters:
  ///   - candidates: rows of the items that may be in it.
  ///   - isOut: which of these may not be in this user's.
  func best(of candidates: [Int], scores: UnsafePointer<Float>, isOut: (Int) -> Bool) -> [TopItems.Entry] {
    var top = TopItems(count)
    var new = TopItems(max(1, newPlaces))
    for item in candidates where !isOut(item) {
      top.offer(item, scores[item])
      if newPlaces > 0 && isNew(item) { new.offer(item, scores[item]) }
    }
    guard quotas.isEmpty else { return withQuotas(top.best, scores, isOut) }
    return withNew(top.best, newPlaces > 0 ? new.best : [])
  }

  private func withQuotas(
    _ best: [TopItems.Entry], _ scores: UnsafePointer<Float>, _ isOut: (Int) -> Bool
  ) -> [TopItems.Entry] {
    var (open, free) = (quotas.map(\.places), count - quotas.reduce(0) { $0 + $1.places })
    var owners: [Int: [Int]] = [:]
    var (pool, inPool) = (best, Set(best.map(\.item)))
    for (index, quota) in quotas.enumerated() {
      var top = TopItems(count)
      for item in quota.candidates where !isOut(item) { top.offer(item, scores[item]) }
      for entry in top.best {
        owners[entry.item, default: []].append(index)
        if inPool.insert(entry.item).inserted { pool.append(entry) }
      }
    }
    pool.sort { $0.isBetter(than: $1) }
    var (taken, left): ([TopItems.Entry], [TopItems.Entry]) = ([], [])
    for entry in pool {
      if let index = owners[entry.item]?.first(where: { open[$0] > 0 }) {
        open[index] -= 1
        taken.append(entry)
      } else if free > 0 {
        free -= 1
        taken.append(entry)
      } else {
        left.append(entry)
      }
    }
    return (taken + left.prefix(max(0, count - taken.count))).sorted { $0.isBetter(than: $1) }
  }

  /// The best items, the last of which give way to new ones where too few of these are among them.
  private func withNew(_ best: [TopItems.Entry], _ new: [TopItems.Entry]) -> [TopItems.Entry] {
    let missing = new.filter { entry in !best.contains { $0.item == entry.item } }
      .prefix(max(0, min(newPlaces, new.count) - best.count { isNew($0.item) }))
    guard !missing.isEmpty else { return best }
    var kept = best
    while kept.count > count - missing.count {
      guard let index = kept.lastIndex(where: { !isNew($0.item) }) else { break }
      kept.remove(at: index)
    }
    return kept + missing
  }
}
