import Tensors

/// The events that a step shows of a user: the matching ones in `first..<last`, then always `last`.
struct Showing {
  let filter: EventFilter
  let first: Int
  let last: Int

  /// Calls `body` with each event shown, oldest first.
  func forEachEvent(of events: UserEvents, _ body: (Int) -> Void) {
    for event in first..<last where filter.matches(events, event) { body(event) }
    body(last)
  }
}

/// What a phase can show of a user: batches are filled by it, and what they show is counted by it.
protocol ShowingRule {
  /// In how many ways a step can show the user, all of them equally likely; 0 = the user takes no part.
  func choices(_ events: UserEvents) -> Int
  /// One of these ways.
  func showing(_ events: UserEvents, _ choice: Int) -> Showing
  /// All of them.
  func forEachShowing(_ events: UserEvents, _ body: (Showing) -> Void)
  /// The oldest event that any of them may show.
  func firstShown(_ events: UserEvents) -> Int
}

/// How often a user's items are among the events shown, over all ways to show the user.
struct ItemCounter {
  private var first = 0
  private var showings = 0
  /// Items with their events, to be sorted.
  private var sorted: [Int] = []
  /// The user's distinct items, and which of them each event is of.
  private var items: [Int] = []
  private var numbers: [Int] = []
  /// How often each is in the showing at hand, and which are.
  private var times: [Int] = []
  private var met: [Int] = []
  private var sums: [Double] = []

  /// Begins with the training events of a user from one on.
  mutating func begin(_ events: UserEvents, from first: Int) {
    self.first = first
    showings = 0
    sorted.removeAll(keepingCapacity: true)
    for event in first..<events.trainCount { sorted.append(Int(events.items[event]) << 32 | (event - first)) }
    sorted.sort()
    items.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
    numbers.append(contentsOf: repeatElement(0, count: sorted.count))
    for entry in sorted {
      let item = entry >> 32
      if items.last != item { items.append(item) }
      numbers[entry & 0xFFFF_FFFF] = items.count - 1
    }
    times = Self.zeros(times, items.count)
    sums.removeAll(keepingCapacity: true)
    sums.append(contentsOf: repeatElement(0, count: items.count))
  }

  /// Adds `value` of each item that is shown.
  mutating func add(_ showing: Showing, of events: UserEvents, _ value: (_ times: Int, _ shown: Int) -> Double) {
    showings += 1
    met.removeAll(keepingCapacity: true)
    var shown = 0
    showing.forEachEvent(of: events) { event in
      let number = numbers[event - first]
      if times[number] == 0 { met.append(number) }
      times[number] += 1
      shown += 1
    }
    for number in met {
      sums[number] += value(times[number], shown)
      times[number] = 0
    }
  }

  /// Calls `body` with each item that was shown and the mean of its values.
  func end(_ body: (_ item: Int, _ mean: Double) -> Void) {
    for (item, sum) in zip(items, sums) where sum != 0 { body(item, sum / Double(showings)) }
  }

  private static func zeros(_ list: [Int], _ count: Int) -> [Int] {
    var list = list
    list.removeAll(keepingCapacity: true)
    list.append(contentsOf: repeatElement(0, count: count))
    return list
  }
}
