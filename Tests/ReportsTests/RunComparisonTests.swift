import Config
import Files
import Foundation
import Reporting
import TestSupport
import Testing

@testable import Reports

/// Differences by hand.
struct RunComparisonTests {
  private func entry(_ recall: Double, _ error: Double, more: String = "") -> String {
    """
    {"universal": {"test": {"all": {"recall@10": \(recall), "users": 100}, "standard_error": {"all": {"recall@10": \(error)}},
      "protocol": {"split": "test", "filter_seen": false\(more)}}}}
    """
  }

  @Test func aDifferenceHasTheErrorOfBoth() throws {
    let world = try ReportWorld()
    let runs = [
      try world.run("a", evaluation: entry(0.25, 0.03)), try world.run("b", evaluation: entry(0.35, 0.04)),
      try world.run("c", evaluation: entry(0.35, 0.05)), try world.run("d"),
    ]
    let comparison = RunComparison(try ReportedRun.read(runs))
    let row = try #require(comparison.tables.first?.rows.first)
    #expect(comparison.tables.count == 1 && comparison.tables[0].rows.count == 1 && row.metric == "recall@10")
    #expect(row.cells[0]?.difference == nil && row.cells[3] == nil)
    let (b, c) = (try #require(row.cells[1]?.difference), try #require(row.cells[2]?.difference))
    #expect(abs(b.value - 0.1) < 1e-12 && abs((b.error ?? 0) - 0.05) < 1e-12)
    // 0.1 is more than 1.96 times 0.05, and less than 1.96 times √(0.03² + 0.05²) = 0.0583.
    #expect(b.isBeyondError == true && c.isBeyondError == false)
    #expect(comparison.warnings.isEmpty && comparison.configuration.isEmpty)
  }

  @Test func withoutAnErrorNobodyCanTell() throws {
    let world = try ReportWorld()
    let runs = [
      try world.run("a", evaluation: "{\"universal\": {\"test\": {\"all\": {\"mrr\": 0.5}}}}"),
      try world.run("b", evaluation: "{\"universal\": {\"test\": {\"all\": {\"mrr\": 0.25}}}}"),
    ]
    let difference = try #require(RunComparison(try ReportedRun.read(runs)).tables[0].rows[0].cells[1]?.difference)
    #expect(difference.value == -0.25 && difference.error == nil && difference.isBeyondError == nil)
  }

  @Test func otherProtocolsAreWarnedOf() throws {
    let world = try ReportWorld()
    let runs = [
      try world.run(
        "a", evaluation: entry(0.2, 0.1, more: ", \"request_time\": \"known\", \"checkpoint\": \"x\", \"dataset\": \"c1\"")),
      try world.run("b", evaluation: entry(0.2, 0.1, more: ", \"checkpoint\": \"y\", \"dataset_checksum\": \"c1\"")),
    ]
    let warnings = RunComparison(try ReportedRun.read(runs)).warnings
    #expect(
      warnings == [
        "the runs were measured by different protocols, so their numbers do not compare: request_time differs (known / not stated) in "
          + "universal test"
      ])
  }

  @Test func keysThatDifferStandInTheOrderOfTheFile() throws {
    let world = try ReportWorld()
    var other = RunConfig()
    (other.optimizer.learningRate, other.seed) = (0.25, 9)
    other.targeted = [TargetedConfig()]
    other.targeted[0].name = "like"
    other.targeted[0].behavior = "like"
    let comparison = RunComparison(try ReportedRun.read([try world.run("a"), try world.run("b", config: other)]))
    #expect(comparison.configuration.prefix(1) == [.init(key: "seed", values: ["1", "9"])])
    #expect(comparison.configuration.contains(.init(key: "optimizer.learning_rate", values: ["0.001", "0.25"])))
    #expect(comparison.configuration.contains(.init(key: "targeted.0.name", values: [nil, "like"])))
    #expect(!comparison.configuration.contains { $0.key == "model.id_dim" })
  }

  @Test func trainingIsCompared() throws {
    let world = try ReportWorld()
    let runs = [try world.run("a", lines: ReportWorld.lines("universal", steps: 4)), try world.run("b")]
    let phase = try #require(RunComparison(try ReportedRun.read(runs)).training.first)
    let own = try #require(phase.runs[0])
    #expect(own.step == 40 && own.isFinished && own.resultStep?.value == 20 && own.result?.value == 0.16)
    // Speeds are 1,000 to 4,000; the loss is 8 by the number of the line; nine lines a second apart.
    #expect(own.speed == 2_500 && own.loss?.value == 2 && own.wallSeconds == 8)
    #expect(abs((own.gain ?? 0) - 0.04) < 1e-12)
    #expect(phase.runs[1]?.isBegun == false)
  }

  @Test(arguments: [40, 80, 200]) func linesFitTheTerminal(_ width: Int) throws {
    let world = try ReportWorld()
    let runs = try (0..<8).map { number in
      try world.run(
        "r\(number)", lines: ReportWorld.lines("universal", steps: 4),
        evaluation: "{\"universal\": {\"test\": \(ReportWorld.entry(0.2 + Double(number) / 10, scene: "s"))}}")
    }
    let comparison = RunComparison(try ReportedRun.read(runs))
    let lines = ComparisonText(comparison, width: width).lines
    // A table of one run is as narrow as it gets.
    let longest = lines.dropFirst(8).map { TextTable.width($0) }.max() ?? 0
    #expect(longest <= max(width, 62), "\(longest)")
    #expect(lines.contains { $0.hasPrefix("all") && $0.contains("0.2000 ± 0.0100") })
    #expect(lines.contains { $0.contains("+0.7000 ± 0.0141 *") } && lines.contains { $0.contains("H - A") })
  }

  /// What one run alone has is no comparison.
  @Test func whatOneRunHasIsSaid() throws {
    let world = try ReportWorld()
    let runs = [
      try world.run(
        "a",
        evaluation:
          "{\"universal\": {\"test\": {\"all\": {\"mrr\": 0.5}, \"head\": {\"mrr\": 0.6}}}, \"like\": {\"test\": {\"all\": {\"mrr\": 0.5}}}}"
      ),
      try world.run("b", evaluation: "{\"universal\": {\"test\": {\"all\": {\"mrr\": 0.25}}}}"),
    ]
    let lines = ComparisonText(RunComparison(try ReportedRun.read(runs)), width: 80).lines
    #expect(lines.contains("like, test: only A has it") && lines.contains { $0.contains("-0.2500") })
    #expect(!lines.contains { $0.hasPrefix("head") })
  }

  @Test func otherProgramsReadTheSame() throws {
    let world = try ReportWorld()
    let runs = [try world.run("a", evaluation: entry(0.25, 0.03)), try world.run("b", evaluation: entry(0.35, 0.04))]
    let text = RunComparison(try ReportedRun.read(runs)).json.line
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let table = try #require((object["evaluation"] as? [[String: Any]])?.first)
    let cells = try #require((table["rows"] as? [[String: Any]])?.first?["runs"] as? [[String: Any]])
    #expect(cells[0]["value"] as? Double == 0.25 && cells[0]["difference"] == nil && cells[0]["users"] as? Int == 100)
    #expect(cells[1]["is_beyond_error"] as? Bool == true && cells[1]["standard_error"] as? Double == 0.04)
    #expect((object["runs"] as? [[String: Any]])?.map { $0["name"] as? String } == ["a", "b"])
  }

  @Test func namesTellRunsApart() {
    let names = ReportedRun.distinct([("x", "/r/a/run"), ("y", "/r/b/run"), ("z", "/r/b/other"), ("w", "/")])
    #expect(names == ["a/run", "b/run", "other", "w"])
  }
}
