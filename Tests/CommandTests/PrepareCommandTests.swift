import Foundation
import TestSupport
import Testing

@Suite struct PrepareCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let events = "user,item,timestamp\n" + (1...6).map { "u,i\($0 % 2),\($0)\n" }.joined()

  @Test func preparesAndInspects() throws {
    let input = try folder.write("events.csv", events)
    let result = try CommandRunner.run(
      "prepare", "--interactions", input, "--out", folder.file("d"), "--min-item-events", "1", "--virtual-shards", "2")
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("1 user, 2 items, 6 events"))
    #expect(result.output.contains("tie and leak audit"))
    let shown = try CommandRunner.run("inspect", folder.file("d"), "--verify")
    #expect(shown.code == 0 && shown.output.contains("1 user, 2 items, 6 events") && shown.output.contains("in order"))
    let json = try CommandRunner.run("inspect", folder.file("d"), "--json")
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    let manifest = object?["manifest"] as? [String: Any]
    #expect(object?["kind"] as? String == "dataset" && manifest?["events"] as? Int == 6 && json.errors.isEmpty)
  }

  @Test func readsStandardInput() throws {
    let result = try CommandRunner.run(
      "prepare", "--interactions", "-", "--out", folder.file("d"), "--min-item-events", "1", "--quiet", input: Data(events.utf8))
    #expect(result.code == 0 && result.output.isEmpty && result.errors.isEmpty, "\(result.errors)")
    #expect(try folder.names() == ["d"])
  }

  @Test func badInputIs65WithOneSentence() throws {
    let missing = try CommandRunner.run("prepare", "--interactions", folder.file("none"), "--out", folder.file("d"))
    #expect(
      missing.code == 65
        && missing.errorLines == ["precise: cannot open \(folder.file("none")): No such file or directory; is the path right?"])
    let input = try folder.write("events.csv", events + "u,i,soon\n")
    let bad = try CommandRunner.run("prepare", "--interactions", input, "--out", folder.file("d"), "--quiet")
    #expect(bad.code == 65 && bad.errorLines.count == 2)
    #expect(bad.errorLines[0].hasPrefix("precise: bad row: \(input):8: "))
    #expect(bad.errorLines[1].hasPrefix("precise: 1 of 7 interaction rows are bad"))
    #expect(try folder.names() == ["events.csv"])
    let inspected = try CommandRunner.run("inspect", folder.path)
    #expect(inspected.code == 65 && inspected.errorLines.count == 1)
  }

  @Test(arguments: [
    ["prepare"], ["prepare", "--interactions", "a", "--out", "b", "--split", "random"], ["nonsense"],
    ["prepare", "--interactions", "a", "--out", "b", "--virtual-shards", "0"],
    ["prepare", "--interactions", "a", "--out", "b", "--format", "xml"],
    ["prepare", "--interactions", "a", "--out", "b", "--memory", "lots"],
    ["prepare", "--interactions", "a", "--out", "b", "--ties", "x"],
    ["prepare", "--interactions", "-", "--items", "-", "--out", "b"], ["inspect"],
    ["prepare", "--interactions", "a", "--out", "b", "--columns", "user=a,user=b"],
    ["prepare", "--interactions", "a", "--out", "b", "--time-unit", "minutes"],
    ["prepare", "--interactions", "a", "--out", "b", "--split", "time:2014-02-30"],
  ])
  func wrongUsageIs64(arguments: [String]) throws {
    let result = try CommandRunner.run(arguments)
    #expect(result.code == 64 && !result.errors.isEmpty && result.output.isEmpty)
  }

  /// Formats by name, one column in two roles, ISO times: no option but what cannot be known.
  @Test func theNameAndTheValuesAreEnough() throws {
    let lines = (1...6).map { "{\"who\":\"u\",\"artist\":\"a\($0 % 2)\",\"ts\":\"2025-03-01 09:0\($0):00\"}\n" }
    let input = try folder.write("events.jsonl", lines.joined())
    let items = try folder.write("items.tsv", "artist\na0\na1\n")
    let result = try CommandRunner.run(
      "prepare", "--interactions", input, "--items", items, "--columns", "user=who,item=artist,text=artist,timestamp=ts", "--out",
      folder.file("d"), "--min-item-events", "1", "--virtual-shards", "2")
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("1 user, 2 items, 6 events") && result.output.contains("kept items without text: 0"))
    let other = try CommandRunner.run("prepare", "--interactions", input, "--format", "csv", "--out", folder.file("e"))
    #expect(other.code == 65 && other.errors.contains("it looks like JSON lines; give --format jsonl"))
  }

  @Test func aSplitWithoutTrainingEventsLeavesNothing() throws {
    let input = try folder.write("events.csv", events)
    let result = try CommandRunner.run(
      "prepare", "--interactions", input, "--out", folder.file("d"), "--min-item-events", "1", "--split", "time:1")
    #expect(result.code == 65 && result.errorLines.count == 1 && result.errors.contains("leaves no event for training"))
    #expect(try folder.names() == ["events.csv"])
  }

  /// With --quiet on stderr, otherwise in the summary; and inspect has them too.
  @Test func warningsAreSaidOnce() throws {
    let input = try folder.write("events.csv", events)
    let items = try folder.write("items.csv", Data("item,text\ni0,Mis".utf8) + Data([0xE9]) + Data("rables\ni1,x\n".utf8))
    let prepare = ["prepare", "--interactions", input, "--items", items, "--min-item-events", "1", "--out"]
    let loud = try CommandRunner.run(prepare + [folder.file("loud")])
    let sentence = "warning: 1 text is not UTF-8, the first at \(items):2;"
    #expect(loud.code == 0 && !loud.errors.contains(sentence) && loud.output.contains(sentence))
    let quiet = try CommandRunner.run(prepare + [folder.file("quiet"), "--quiet"])
    #expect(quiet.code == 0 && quiet.output.isEmpty && quiet.errorLines.count == 1 && quiet.errors.contains(sentence))
    #expect(try CommandRunner.run("inspect", folder.file("quiet")).output.contains(sentence))
  }
}
