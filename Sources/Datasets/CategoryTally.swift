/// Counts events, users and items by scene or behaviour.
struct CategoryTally {
  private(set) var events: [Int]
  private(set) var users: [Int]
  /// Which categories each item has events in.
  private(set) var pairs: PairSet
  private(set) var items: [Int]
  private var lastUser: [Int]

  init(categories: Int, items: Int) {
    events = Array(repeating: 0, count: categories)
    users = events
    self.items = events
    lastUser = Array(repeating: -1, count: categories)
    pairs = PairSet(numbers: items)
  }

  @inline(__always)
  mutating func add(_ category: UInt16, item: Int, user: Int) {
    let index = Int(category)
    events[index] += 1
    if lastUser[index] != user {
      lastUser[index] = user
      users[index] += 1
    }
    if pairs.insert(item, category) { items[index] += 1 }
  }

  /// Adds pairs that have no event, such as listings; categories beyond those of the events are appended.
  mutating func add(listed: PairSet, categories: Int) {
    let missing = Array(repeating: 0, count: categories - events.count)
    events += missing
    users += missing
    items += missing
    for pair in listed.sorted() where pairs.insert(pair.number, pair.category) { items[Int(pair.category)] += 1 }
  }
}
