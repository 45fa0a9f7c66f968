import Foundation
import TestSupport
import Testing

/// `precise recommend` as scripts use it: events given now, lists, quotas, new items, CSV.
@Suite struct RecommendCommandTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  private func recommend(_ arguments: String..., input: String = "", code: Int32 = 0) throws -> CommandResult {
    let result = try CommandRunner.run(
      ["recommend", world.run] + arguments, input: Data(input.utf8), in: folder.path)
    #expect(result.code == code, "\(arguments): \(result.errors)")
    return result
  }

  private func rows(_ result: CommandResult) -> [[String]] {
    result.output.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
  }

  private func recommendations(_ result: CommandResult) throws -> [[String: Any]] {
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    return try #require(object?["recommendations"] as? [[String: Any]])
  }

  private func user() throws -> String { try world.id("interactions.csv", column: 0) }
  private func item(_ line: Int) throws -> String { try world.id("items.csv", column: 0, line: line) }

  @Test func csvHasTheListOfTheJSON() throws {
    let json = try recommendations(try recommend("--user", try user(), "--format", "json", "--quiet"))
    let csv = rows(try recommend("--user", try user(), "--format", "csv", "--quiet"))
    #expect(csv[0] == ["user", "rank", "item", "score"] && csv.count == json.count + 1)
    for (row, entry) in zip(csv.dropFirst(), json) {
      #expect(row[2] == entry["item"] as? String && Double(row[3]) == entry["score"] as? Double)
    }
  }

  @Test func seenItemsAreLeftOutAndTheOutputSaysSo() throws {
    let table = try recommend("--user", try user(), "-k", "60")
    #expect(table.output.contains("that the user had (--no-exclude-seen keeps them)"))
    #expect(
      try recommendations(try recommend("--user", try user(), "-k", "60", "--json")).allSatisfy { $0["seen"] as? Bool == false })
    let kept = try recommendations(try recommend("--user", try user(), "-k", "60", "--json", "--no-exclude-seen"))
    #expect(kept.contains { $0["seen"] as? Bool == true } && !kept.isEmpty)
    // The flag's earlier name.
    _ = try recommend("--user", try user(), "--no-filter-seen")
  }

  @Test func eventsServeWhoeverIsInThem() throws {
    let (one, other) = (try item(1), try item(2))
    let visit = try recommend("--events", "-", "--format", "csv", input: "item\n\(one)\n\(other)\n")
    #expect(rows(visit).count == 11 && rows(visit).dropFirst().allSatisfy { $0[0] == "visit" && $0[2] != one && $0[2] != other })
    let text = "uid,iid,when\nstranger,\(one),2020-01-01\n\(try user()),\(other),2020-01-02\nlost,nothing,2020-01-03\n"
    try folder.write("events.csv", text)
    let both = try recommend(
      "--events", "events.csv", "--columns", "user=uid,item=iid,timestamp=when", "-k", "3", "--format", "csv")
    #expect(
      rows(both).dropFirst().map { $0[0] } == Array(repeating: "stranger", count: 3) + Array(repeating: try user(), count: 3))
    #expect(
      both.errors.contains("the first: nothing") && both.errors.contains("1 user without an event on a known item left out"))
    let only = try recommend(
      "--events", "events.csv", "--columns", "user=uid,item=iid,timestamp=when", "--user", "stranger", "--json")
    #expect(try recommendations(only).count == 10)
    // A user's own events and the file's together are not the data set's alone.
    let fresh = try recommend(
      "--events", "events.csv", "--columns", "user=uid,item=iid,timestamp=when", "--user", try user(), "--json")
    #expect(fresh.output != (try recommend("--user", try user(), "--json")).output)
    let lost = try recommend(
      "--events", "events.csv", "--columns", "user=uid,item=iid,timestamp=when", "--user", "lost", code: 65)
    #expect(lost.errors.contains("user lost has no event on an item that the data set has"))
  }

  @Test func listsNarrowWhatIsRecommended() throws {
    let names = try (1...5).map(item)
    try folder.write("some.txt", names.joined(separator: "\n") + "\nnothing\n")
    let allowed = try recommend("--user", try user(), "--allow", "some.txt", "--no-exclude-seen", "--format", "csv")
    #expect(
      Set(rows(allowed).dropFirst().map { $0[2] }) == Set(names) && allowed.errors.contains("1 id of some.txt is no item's"))
    let denied = try recommend("--user", try user(), "--deny", "some.txt", "--no-exclude-seen", "--format", "csv", "-k", "100")
    #expect(Set(rows(denied).dropFirst().map { $0[2] }).isDisjoint(with: names) && rows(denied).count > 10)
    try folder.write("none.txt", "nothing\n")
    #expect(
      try recommend("--user", try user(), "--allow", "none.txt", code: 65).errors.contains("none of its 1 ids is an item's"))
  }

  @Test func quotasAreKept() throws {
    let scenes = try recommendations(try recommend("--user", try user(), "--json", "-k", "60")).compactMap {
      ($0["scenes"] as? [String])?.first
    }
    let scene = try #require(scenes.last)
    let found = try recommendations(try recommend("--user", try user(), "--json", "-k", "6", "--quota", "\(scene)=4"))
    #expect(found.count == 6 && found.count { ($0["scenes"] as? [String])?.contains(scene) == true } >= 4)
    #expect(try recommendations(try recommend("--user", try user(), "--json", "--quota", "\(scene)=3")).count == 3)
    for wrong in ["feed", "=3", "feed=0", "feed=x"] { _ = try recommend("--user", "u", "--quota", wrong, code: 64) }
    #expect(try recommend("--user", "u", "-k", "2", "--quota", "a=3", code: 64).errors.contains("asks for 3 places"))
  }

  @Test func newItemsAreCandidates() throws {
    let text = try String(contentsOfFile: "\(world.raw)/items.csv", encoding: .utf8).split(separator: "\n")
    let header = text[0].split(separator: ",").map(String.init)
    let title = try #require(header.firstIndex(of: "text"))
    let twin = text[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)[title]
    try folder.write("new.csv", "item,text\nfresh,\"\(twin.replacing("\"", with: ""))\"\n")
    let found = try recommendations(try recommend("--user", try user(), "--items", "new.csv", "-k", "100", "--json"))
    let new = try #require(found.first { $0["item"] as? String == "fresh" })
    #expect(new["new"] as? Bool == true && (new["score"] as? Double)?.isFinite == true)
    let table = try recommend("--user", try user(), "--items", "new.csv", "--reserve-new", "1", "-k", "3")
    #expect(table.output.contains("fresh") && table.output.contains("new"))
    // A new item may also be asked about.
    #expect(rows(try recommend("--item", "fresh", "--items", "new.csv", "-k", "3", "--format", "csv")).count == 4)
    let like = try recommend("--item", try item(1), "--items", "new.csv", "-k", "100", "--format", "csv")
    #expect(rows(like)[0] == ["item", "rank", "similar", "cosine"] && rows(like).contains { $0[2] == "fresh" })
  }

  @Test func whatDoesNotGoTogetherIsAUsageError() throws {
    _ = try recommend("--item", "i", "--quota", "a=1", code: 64)
    _ = try recommend("--item", "i", "--events", "-", code: 64)
    _ = try recommend("--user", "u", "--time-unit", "seconds", code: 64)
    _ = try recommend("--user", "u", "--json", "--format", "csv", code: 64)
    _ = try recommend("--user", "u", "--explain", "--format", "csv", code: 64)
    _ = try recommend("--user", "u", "--scene", "a", "--quota", "a=1", code: 64)
    _ = try recommend("--user", "u", "--trained-on", "d", code: 64)
    _ = try recommend("--users-file", "-", "--events", "-", code: 64)
  }
}
