import Files
import TestSupport
import Testing

@testable import Preparation

@Suite struct EventSorterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Sorts made-up events with a budget; user, time and number of each event in the result, and the number of runs.
  private func sort(_ count: Int, users userCount: Int, memory: Int, lanes: Int = 1) throws -> (
    events: [[Int]], starts: [Int], runs: Int
  ) {
    var random = SplitMix(state: 5)
    let users = UserTable(shardCount: 7)
    let sorter = EventSorter(users: users, folder: folder.path, memory: memory, lanes: lanes)
    var records: [EventRecord] = []
    for number in 0..<count {
      let id = Array("u\(Int.random(in: 0..<userCount, using: &random))".utf8)
      let user = try id.withUnsafeBytes { id in
        let (index, hash) = users.find(id)
        return try index ?? users.insert(id, hash: hash)
      }
      let time = Int64.random(in: 0..<20, using: &random)
      records.append(EventRecord(time: time, user: UInt32(user), item: UInt32(number), scene: 0, behavior: 0))
      if lanes == 1 { try sorter.append(records[number]) }
    }
    if lanes > 1 { try append(records, to: sorter, lanes) }
    var rules = UserEventRules(duplicates: .keep, ties: .fileOrder) { UInt64($0.item) }
    let runs = sorter.runCount
    let sorted = try sorter.finish(&rules)
    var events: [[Int]] = []
    sorted.forEach { position, group in
      for event in group {
        events.append([users.shard(Int(event.user)), Int(event.user), Int(event.time), Int(event.item)])
        #expect(event.user == sorted.users[position])
      }
    }
    return (events, sorted.starts, runs)
  }

  /// Hands each lane its stretch of the events, block by block in turn, as they come from ranks that read side by side.
  private func append(_ records: [EventRecord], to sorter: EventSorter, _ lanes: Int) throws {
    try records.withUnsafeBufferPointer { records in
      for block in 0..<11 {
        for lane in 0..<lanes {
          let stretch = UnsafeBufferPointer(
            rebasing: records[(records.count * lane / lanes)..<(records.count * (lane + 1) / lanes)])
          let part = (stretch.count * block / 11)..<(stretch.count * (block + 1) / 11)
          try sorter.append(UnsafeBufferPointer(rebasing: stretch[part]), lane: lane)
        }
      }
    }
  }

  @Test(arguments: [0, 48, 4_800, 48_000, 239_000, 1 << 30], [2, 3, 8]) func lanesStandOneBehindTheOther(memory: Int, lanes: Int)
    throws
  {
    let whole = try sort(5_000, users: 60, memory: 1 << 30)
    let together = try sort(5_000, users: 60, memory: memory, lanes: lanes)
    #expect(together.events == whole.events && together.starts == whole.starts)
  }

  @Test func ordersByShardUserTimeAndFileOrder() throws {
    let (events, starts, runs) = try sort(5_000, users: 60, memory: 1 << 30)
    #expect(runs == 0)
    #expect(events.count == 5_000 && starts.last == 5_000 && starts.count == 61)
    #expect(events == events.sorted { $0.lexicographicallyPrecedes($1) })
    #expect(Set(events.map { $0[3] }).count == 5_000)
  }

  @Test(arguments: [0, 48, 4_800, 48_000, 239_000])
  func anyBudgetGivesTheSame(memory: Int) throws {
    let whole = try sort(5_000, users: 60, memory: 1 << 30)
    let spilled = try sort(5_000, users: 60, memory: memory)
    #expect(spilled.runs > 0)
    #expect(spilled.events == whole.events && spilled.starts == whole.starts)
  }

  @Test func runsAreNoSmallerThanTheUserTableDeserves() throws {
    // With 4,000 users a run holds 2,000 events or more once they are known, whatever the budget says.
    #expect(try sort(40_000, users: 4_000, memory: 0).runs < 40)
  }

  @Test func noEventsAreNoUsers() throws {
    let (events, starts, _) = try sort(0, users: 1, memory: 1 << 20)
    #expect(events.isEmpty && starts == [0])
  }
}
