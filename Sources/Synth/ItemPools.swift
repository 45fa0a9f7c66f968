import Glibc

/// The items of each pair of topic and scene, with Zipf popularity inside.
struct ItemPools {
  private let topics: Int
  /// Pool p's entries are `starts[p]..<starts[p + 1]`.
  private let starts: [Int]
  /// Items, the most popular of a pool first.
  private let items: [Int32]
  /// Sums of the weights within the pool up to and with an entry.
  private let cumulative: [Double]
  /// For each pool itself, or where it is empty the next topic's pool of the same scene that is not.
  private let substitutes: [Int]

  /// Sorts items into pools.
  ///
  /// - Parameters:
  ///   - topics: Number of topics.
  ///   - scenes: Number of scenes; each must have an item.
  ///   - members: The items of pool `scene * topics + topic`, in order of popularity.
  ///   - exponent: The power of Zipf's law.
  init(topics: Int, scenes: Int, members: [[Int32]], exponent: Double) {
    self.topics = topics
    var starts = [0]
    var cumulative: [Double] = []
    for pool in members {
      var sum = 0.0
      for rank in pool.indices {
        sum += 1 / pow(Double(rank) + 1.5, exponent)
        cumulative.append(sum)
      }
      starts.append(starts[starts.count - 1] + pool.count)
    }
    self.starts = starts
    self.cumulative = cumulative
    items = members.flatMap { $0 }
    substitutes = (0..<topics * scenes).map { pool in
      let scene = pool / topics
      let candidates = (0..<topics).lazy.map { scene * topics + (pool % topics + $0) % topics }
      let found = candidates.first { !members[$0].isEmpty }
      precondition(found != nil, "scene \(scene) has no item")
      return found ?? pool
    }
  }

  /// The most popular item of a topic in a scene; it is there from the start.
  func mostPopular(topic: Int, scene: Int) -> Int32 {
    items[starts[substitutes[scene * topics + topic]]]
  }

  /// An item of a topic in a scene by popularity.
  func draw(topic: Int, scene: Int, _ random: inout KeyedRandom) -> Int32 {
    let pool = substitutes[scene * topics + topic]
    var low = starts[pool]
    var high = starts[pool + 1] - 1
    let target = random.unit() * cumulative[high]
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > target { high = middle } else { low = middle + 1 }
    }
    return items[low]
  }
}

/// The late items of each scene in the order in which they appear, for whoever looks at what is new.
struct Releases: Sendable {
  /// Late items of a scene with their times, rising.
  private let late: [[(time: Int, item: Int32)]]

  init(_ items: [WorldItem], scenes: Int) {
    late = (0..<scenes).map { scene in
      items.indices.lazy.filter { items[$0].release > World.start && items[$0].isIn(UInt8(scene)) }
        .map { (time: items[$0].release, item: Int32($0)) }.sorted { ($0.time, $0.item) < ($1.time, $1.item) }
    }
  }

  /// One of the items that appeared in a scene after one time and not after another, all alike; nil when there is none.
  func draw(scene: Int, after: Double, until: Double, _ random: inout KeyedRandom) -> Int32? {
    let (first, end) = (index(scene, after: after), index(scene, after: until))
    return first < end ? late[scene][first + random.below(end - first)].item : nil
  }

  /// Where the items begin that appear after a time.
  private func index(_ scene: Int, after time: Double) -> Int {
    var (low, high) = (0, late[scene].count)
    while low < high {
      let middle = (low + high) / 2
      if Double(late[scene][middle].time) > time { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
