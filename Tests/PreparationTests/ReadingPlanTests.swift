import TestSupport
import Testing

@testable import Preparation

@Suite struct ReadingPlanTests {
  @Test func whoReadsAStreamReadsAll() throws {
    let folder = try TemporaryFolder()
    var options = PreparationOptions()
    options.interactions = [try folder.write("a.csv", "user,item,timestamp\n"), "-", folder.file("a.csv")]
    let plan = try ReadingPlan(options)
    #expect(plan.count == 1)
    #expect(plan.share(of: 0, ranks: 3, shards: [9, 9]).pieces.map(\.path) == options.interactions)
    #expect(plan.share(of: 0, ranks: 3, shards: [9, 9]).shards == 0..<2)
    #expect(plan.share(of: 2, ranks: 3, shards: [9, 9]).pieces.isEmpty)
  }

  /// Row groups of a file that one rank has are one stretch of it.
  @Test func neighborsAreOneStretch() {
    let pieces = [(1, nil), (2, 0), (2, 1), (2, 2), (3, 0), (4, nil)].map { (input: Int, group: Int?) in
      ReadingPlan.Piece(input: input, path: "\(input)", group: group, bytes: 1)
    }
    let stretches = ReadingPlan.stretches(pieces[1..<6])
    #expect(stretches.map(\.path) == ["2", "3", "4"])
    #expect(stretches.map(\.groups) == [0..<3, 0..<1, nil])
    #expect(ReadingPlan.stretches(pieces[2..<4]).map(\.groups) == [1..<3])
  }
}

@Suite struct EventLogTests {
  /// Whatever fits in memory, events come back in order.
  @Test(arguments: [0, 24, 240, 2_400, 1 << 20], [1, 7, 64, 1_000]) func handsEventsBackInOrder(memory: Int, most: Int) throws {
    let folder = try TemporaryFolder()
    let log = EventLog(folder: folder.path, memory: memory)
    for number in 0..<533 { try log.append(EventRecord(time: Int64(number), user: 1, item: 2, scene: 3, behavior: 4)) }
    #expect(log.count == 533)
    var times: [Int64] = []
    while true {
      let block = try log.take(most)
      if block.isEmpty { break }
      #expect(block.count == min(most, 533 - times.count))
      times += block.map(\.time)
    }
    #expect(times == (0..<533).map { Int64($0) })
  }
}
