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
