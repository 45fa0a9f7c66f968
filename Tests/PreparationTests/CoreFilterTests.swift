import Testing

@testable import Preparation

@Suite struct CoreFilterTests {
  /// Events (user, item) grouped by user as the sorter leaves them.
  private func sorted(_ pairs: [(Int, Int)]) -> SortedEvents {
    let pairs = pairs.sorted { $0.0 < $1.0 }
    let records = UnsafeMutableBufferPointer(start: EventBuffer.allocate(pairs.count), count: pairs.count)
    var (users, starts): ([UInt32], [Int]) = ([], [])
    for (index, pair) in pairs.enumerated() {
      if users.last != UInt32(pair.0) {
        users.append(UInt32(pair.0))
        starts.append(index)
      }
      records[index] = EventRecord(time: Int64(index), user: UInt32(pair.0), item: UInt32(pair.1), scene: 0, behavior: 0)
    }
    return SortedEvents(records, users: users, starts: starts + [pairs.count])
  }

  /// Drops one user or item at a time until all have enough.
  private func slowly(_ pairs: [(Int, Int)], _ userMinimum: Int, _ itemMinimum: Int) -> [(Int, Int)] {
    var pairs = pairs
    while true {
      let users = Dictionary(grouping: pairs, by: \.0)
      let items = Dictionary(grouping: pairs, by: \.1)
      if let user = users.first(where: { $0.value.count < userMinimum })?.key {
        pairs.removeAll { $0.0 == user }
      } else if let item = items.first(where: { $0.value.count < itemMinimum })?.key {
        pairs.removeAll { $0.1 == item }
      } else {
        return pairs
      }
    }
  }

  @Test(arguments: [(1, 1), (2, 2), (3, 3), (5, 2), (0, 4), (4, 0), (30, 30)])
  func agreesWithDroppingOneAtATime(userMinimum: Int, itemMinimum: Int) throws {
    var random = SplitMix(state: 11)
    let pairs = (0..<400).map { _ in
      (
        Int.random(in: 0..<Int.random(in: 1...80, using: &random), using: &random),
        Int.random(in: 0..<Int.random(in: 1...120, using: &random), using: &random)
      )
    }
    let events = sorted(pairs)
    let result = try CoreFilter(minimumUserEvents: userMinimum, minimumItemEvents: itemMinimum).run(events, itemCount: 120)
    let expected = slowly(pairs, userMinimum, itemMinimum)
    #expect(Set(events.users.indices.filter { result.keepsUser[$0] }.map { Int(events.users[$0]) }) == Set(expected.map(\.0)))
    #expect(Set(result.keepsItem.indices.filter { result.keepsItem[$0] }) == Set(expected.map(\.1)))
    events.compact(keepsUser: result.keepsUser, itemNumbers: (0..<120).map { result.keepsItem[$0] ? Int32($0) : -1 })
    #expect(events.count == expected.count)
  }

  @Test func aChainFallsToTheLast() throws {
    // User n has items n and n + 1: with two events each, the ends fall first and then everybody.
    let pairs = (0..<20).flatMap { [($0, $0), ($0, $0 + 1)] }
    let result = try CoreFilter(minimumUserEvents: 2, minimumItemEvents: 2).run(sorted(pairs), itemCount: 21)
    #expect(!result.keepsUser.contains(true) && !result.keepsItem.contains(true))
    // Eleven rounds that drop an item at each end (the last one in the middle), and one that finds nothing more.
    #expect(result.rounds == 12)
  }
}
