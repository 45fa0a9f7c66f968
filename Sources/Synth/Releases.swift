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
    let (first, end) = (place(scene, after: after), place(scene, after: until))
    return first < end ? late[scene][first + random.below(end - first)].item : nil
  }

  /// Where the items begin that appear after a time.
  private func place(_ scene: Int, after time: Double) -> Int {
    var (low, high) = (0, late[scene].count)
    while low < high {
      let middle = (low + high) / 2
      if Double(late[scene][middle].time) > time { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
