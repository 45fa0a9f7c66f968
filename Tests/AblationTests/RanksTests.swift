import Files
import Foundation
import TestSupport
import Testing

@testable import Ablation

/// Each user's ranks, and the groups that they are cut into.
struct RanksTests {
  private static let head = "phase,split,ranked_by,user,item,rank,history,bucket,scene,behavior,train_events,mrr\n"

  @Test func aFileIsAddedUp() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "users.csv",
      Self.head + """
        universal,test,model,u1,i1,10,3,head,shop,buy,7,0.1
        universal,test,text,u1,i1,11,3,head,shop,buy,7,0.09
        universal,test,model,"a ""user"", of
        two lines",i2,11,3,head,"shop, feed",buy,7,0.09
        universal,test,model,u3,i3,1,3,tail,shop,buy,0,1.0
        "like, more",test,model,u3,i3,2,3,tail,shop,buy,0,0.5
        "like, more",test.universal,model,u3,i3,200,3,tail,shop,buy,0,0.005

        """)
    let file = try RanksByTrainingEvents.read(path: path)
    #expect(
      file["universal"]?["test"]?["model"]
        == RanksByTrainingEvents([.init(events: 7, users: 2, found: 1), .init(events: 0, users: 1, found: 1)]))
    #expect(file["universal"]?["test"]?["text"] == RanksByTrainingEvents([.init(events: 7, users: 1, found: 0)]))
    #expect(file["like, more"]?["test"]?["model"] == RanksByTrainingEvents([.init(events: 0, users: 1, found: 1)]))
    #expect(file["like, more"]?["test.universal"]?["model"]?.rows == [.init(events: 0, users: 1, found: 0)])
    #expect(file.count == 2)
  }

  @Test(arguments: [
    ("phase,split,rank\n", ":1: has no column ranked_by"), ("", ":1: has no column phase"),
    (head + "universal,test,model,u,i,1,3,head,s,b,7,1\nuniversal,test\n", ":3: has 2 fields, the header has 12"),
    (head + "universal,test,model,u,i,0,3,head,s,b,7,1\n", ":2: rank and train_events must be whole numbers"),
    (head + "universal,test,model,u,i,1,3,head,s,b,many,1\n", ":2: rank and train_events must be whole numbers"),
    (head + "universal,test,model,\"u,i,1,3,head,s,b,7,1\n", ":2: has 4 fields"),
    (head + "\"x\"y,test,model,u,i,1,3,head,s,b,7,1\n", ":2: a quoted field is not closed"),
  ])
  func wrongFilesAreRefused(text: String, sentence: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("users.csv", text)
    let error = #expect(throws: InputError.self) { try RanksByTrainingEvents.read(path: path) }
    #expect(error?.description.contains(sentence) == true, "\(String(describing: error))")
  }

  /// A file that is cut off anywhere is read as far as it goes, or refused.
  @Test func aFileThatIsCutOffIsNoTrap() throws {
    let folder = try TemporaryFolder()
    let text = Array((Self.head + "universal,test,model,\"u, \"\"1\"\"\n\",i1,10,3,head,shop,buy,7,0.1\n").utf8)
    for end in text.indices {
      let path = folder.file("users.csv")
      try Data(text[..<end]).write(to: URL(fileURLWithPath: path))
      let file = try? RanksByTrainingEvents.read(path: path)
      #expect(file == nil || file?.isEmpty == true || file?["universal"]?["test"]?["model"]?.rows.first?.users == 1)
    }
  }

  /// Worked out by hand: the middles of 30, 6, 4 and 60 users of 100 lie at 15, 33, 38 and 70.
  @Test func equalCountsStayTogether() {
    let deciles = PopularityDeciles(AblationWorld.ranks(found: 7))
    #expect(deciles.groups.map(\.number) == [2, 4, 8])
    #expect(deciles.groups.map(\.label) == ["0", "1–2", "9"] && deciles.groups.map(\.users) == [30, 10, 60])
    #expect(deciles.groups.map(\.recall) == [0.1, 0.5, 0.7] && deciles[4] == 0.5 && deciles[1] == nil)
    #expect(PopularityDeciles(.init([])).groups.isEmpty && PopularityDeciles(.init([.init(events: 3)])).groups.isEmpty)
  }

  @Test func distinctCountsMakeTenEqualGroups() {
    let deciles = PopularityDeciles(.init((0..<50).map { .init(events: $0 * $0, users: 2, found: $0 % 2) }))
    #expect(deciles.groups.map(\.users) == Array(repeating: 10, count: 10) && deciles.groups.map(\.number) == Array(1...10))
    #expect(deciles.groups[0].events == 0...16 && deciles.groups[9].events == 2025...2401 && deciles.groups[0].recall == 0.2)
    // One user alone is in the middle.
    #expect(PopularityDeciles(.init([.init(events: 4, users: 1, found: 1)])).groups.map(\.number) == [6])
  }

  @Test func curvesGoByEpochOrByStep() {
    let curve = LearningCurve(
      metric: "mrr", epochs: 3, points: [.init(step: 7, value: 0.1), .init(step: 21, value: 0.3), .init(step: 7, value: 0.2)])
    #expect(curve.points == [.init(step: 7, value: 0.2), .init(step: 21, value: 0.3)])
    #expect(curve.points.map { curve.x(of: $0, inEpochs: true) } == [1, 3])
    #expect(curve.points.map { curve.x(of: $0, inEpochs: false) } == [7, 21])
    let steps = LearningCurve(metric: "mrr", epochs: nil, points: [.init(step: 0, value: 0.1)])
    #expect(steps.x(of: steps.points[0], inEpochs: true) == 0)
  }
}
