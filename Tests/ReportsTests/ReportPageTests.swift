import Config
import Files
import Foundation
import Reporting
import Runs
import TestSupport
import Testing

@testable import Reports

/// The whole page over runs of every kind: its shape, and each of its numbers against the files.
struct ReportPageTests {
  private func report(_ paths: [String], loadsModels: Bool = false) throws -> (page: ReportPage, text: String) {
    var wishes = Report.Wishes(version: "1.2.3")
    wishes.loadsModels = loadsModels
    let text = Report(try ReportedRun.read(paths), wishes).text
    return (ReportPage(text), text)
  }

  private func config(_ names: [String]) -> RunConfig {
    var config = RunConfig()
    config.targeted = names.map { name in
      var phase = TargetedConfig()
      (phase.name, phase.behavior) = (name, "like")
      return phase
    }
    return config
  }

  @Test func aRunWithEverything() throws {
    let world = try ReportWorld()
    let evaluation = """
      {"universal": {"test": \(ReportWorld.entry(0.2)), "validation": \(ReportWorld.entry(0.9))},
       "like": {"test": \(ReportWorld.entry(0.3)), "test.universal": \(ReportWorld.entry(0.25))}}
      """
    let run = try world.run(
      "run", config: config(["like"]), lines: ReportWorld.lines("universal", steps: 30) + ReportWorld.lines("like", steps: 7),
      evaluation: evaluation)
    let (page, text) = try report([run])
    #expect(page.faults == [], "\(page.faults.prefix(5))")
    let (count, wrong) = try page.compareNumbers(runs: [run])
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
    #expect(count > 400)
    let shown = page.texts.joined(separator: "\n")
    for text in [
      "Training report: run", "finished", "+0.0400", "0.1600", "made by", "a/b <i>~", "<u>new</u>", "</td>, red", "a<b", "0.690",
    ] {
      #expect(shown.lowercased().contains(text) || shown.contains(text), "\(text)")
    }
    // Test events only, where there are some.
    #expect(!shown.contains("universal, validation") && shown.contains("universal, test"))
    #expect(!text.contains("nan") && text.contains("data-path=\"/like/test/scenes/a~1b &lt;i&gt;~0/recall@10\""))
    let sections = page.elements.filter { $0.name == "section" }.compactMap { $0.attributes["id"] }
    #expect(
      sections == ["overview", "configuration", "curves", "metrics", "popularity", "unseen", "experts", "map", "times", "users"])
    // The best of evaluations at steps 50 … 300 is that of step 200: 20 % 7 = 6.
    #expect(text.contains("run, best: step 200, epoch 20.00: 0.1600"))
  }

  @Test(arguments: ["earlier", "earlier-2"]) func aRunOfEarlierVersions(_ fixture: String) throws {
    let run = Fixtures.path("\(fixture)/run")
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: run, toPath: folder.file("run"))
    let data = Fixtures.path("\(fixture)/dataset")
    let runs = try ReportedRun.read([folder.file("run")], data: data)
    let text = Report(runs, Report.Wishes(version: "1")).text
    let page = ReportPage(text)
    #expect(page.faults == [], "\(page.faults.prefix(5))")
    let (count, wrong) = try page.compareNumbers(runs: [folder.file("run")])
    #expect(wrong.isEmpty && count > 100, "\(wrong.prefix(5))")
    #expect(runs[0].state == .finished && runs[0].dataset != nil)
    // Their models load: there are a map and users.
    #expect(text.contains("Items by their embeddings") && text.contains("before the test event, which was"))
    #expect(text.contains("precise evaluate"))
  }

  @Test func aRunWithoutAnything() throws {
    let world = try ReportWorld()
    let run = try world.run("run")
    let (page, text) = try report([run], loadsModels: true)
    #expect(page.faults == [], "\(page.faults)")
    #expect(text.contains("Nothing is logged yet.") && text.contains("<code>precise evaluate \(run)</code>"))
    #expect(
      text.contains("no &lt;b&gt;dataset&lt;/b&gt; is not there") && text.contains("not trained")
        && text.contains(">not trained<"))
  }

  @Test func aRunThatIsTrainedNow() throws {
    let world = try ReportWorld()
    let run = try world.run("run", lines: Array(ReportWorld.lines("universal", steps: 12).prefix(9)) + ["{\"phase\":\"univ"])
    let lock = try RunLock(RunDirectory(path: run))
    let made = try withExtendedLifetime(lock) { try report([run]) }
    let (page, text) = made
    #expect(page.faults == [] && text.contains("running at step 70") && text.contains("state-running"))
    #expect(try page.compareNumbers(runs: [run]).wrong.isEmpty)
  }

  @Test func aFailedRunSaysWhy() throws {
    let world = try ReportWorld()
    let run = try world.run(
      "run", lines: ["{\"phase\":\"universal\",\"step\":10,\"loss\":null,\"learning_rate\":1e300,\"grad_norm\":-1e308}"])
    try world.folder.write("run/failure.json", "{\"rank\":1,\"host\":\"h\",\"cause\":\"the loss is <NaN>\"}")
    let (page, text) = try report([run])
    #expect(page.faults == [] && text.contains("state-failed") && text.contains("the loss is &lt;NaN&gt;"))
    #expect(try page.compareNumbers(runs: [run]).wrong.isEmpty)
  }

  /// Whatever JSON stands in evaluation.json, the page has its shape and only numbers that are there.
  @Test(arguments: [
    "{}", "{\"universal\": {}}", "{\"universal\": {\"test\": 5}}", "{\"universal\": {\"test\": {}}}",
    "{\"universal\": {\"test\": {\"all\": [1]}}}",
    "{\"universal\": {\"test\": {\"all\": {\"recall@10\": \"x\", \"users\": 1e300}}}}",
    "{\"universal\": {\"test\": {\"all\": {\"recall@10\": 1e308, \"ndcg@10\": -1e308, \"mrr\": null}, \"standard_error\": {\"all\": {\"recall@10\": -5}}}}}",
    "{\"universal\": {\"test\": {\"all\": {\"recall@10\": 0.5}, \"popularity\": {\"decile_1\": 3, \"decile_2\": {\"train_events\": [1]}}, \"baselines\": 7}}}",
    "{\"<b>\": {\"test\": {\"all\": {\"recall@10\": 0.5}, \"scenes\": {\"\": {\"recall@10\": 0.1}, \"\\u0000\\n\": {\"recall@10\": 0.2}}}}}",
    "{\"universal\": {\"test.\": {\"all\": {\"recall@x\": 0.5}}, \"\": {\"all\": {\"mrr\": 1}}}}",
  ])
  func anyNumbersMakeAPage(_ evaluation: String) throws {
    let world = try ReportWorld()
    let run = try world.run("run", lines: ReportWorld.lines("universal", steps: 3), evaluation: evaluation)
    let (page, _) = try report([run])
    #expect(page.faults == [], "\(page.faults)")
    let wrong = try page.compareNumbers(runs: [run]).wrong
    // NUL has no place in HTML, so a name with one cannot be looked up.
    #expect(wrong.allSatisfy { $0.contains("\u{FFFD}") }, "\(wrong)")
  }

  @Test func runsStandBesideEachOther() throws {
    let world = try ReportWorld()
    var other = config(["like"])
    other.model.idDim = 16
    let runs = [
      try world.run(
        "a/run", config: config(["like"]), lines: ReportWorld.lines("universal", steps: 4),
        evaluation: "{\"universal\": {\"test\": \(ReportWorld.entry(0.2))}}"),
      try world.run(
        "b/run", config: other, lines: ReportWorld.lines("universal", steps: 250),
        evaluation: "{\"universal\": {\"test\": \(ReportWorld.entry(0.4, extra: ", \"ties\": \"x\""))}}", checksum: "c2"),
      try world.run("c"),
    ]
    let (page, text) = try report(runs)
    #expect(page.faults == [], "\(page.faults)")
    #expect(try page.compareNumbers(runs: runs).wrong.isEmpty)
    #expect(text.contains("Training report: a/run, b/run, c"))
    #expect(text.contains("Keys that the runs do not have alike") && text.contains("model.id_dim"))
    #expect(text.contains("Warning: the runs were measured by different protocols"))
    // 250 logged steps are thinned out.
    #expect(text.contains("200 of 250 logged steps"))
    #expect(page.elements.count { $0.attributes["id"]?.hasPrefix("show-") == true } == 3)
    #expect(text.contains("body:has(#show-2:not(:checked)) .run-2 { display: none; }"))
  }

  @Test func whatIsNoRunIsRefused() throws {
    let world = try ReportWorld()
    let run = try world.run("run")
    #expect(throws: InputError.self) { try ReportedRun.read([world.folder.path]) }
    #expect(throws: InputError("\(run)/ is named twice; name each run once")) { try ReportedRun.read([run, "\(run)/"]) }
    #expect(throws: InputError.self) { try ReportedRun.read(Array(repeating: run, count: 9)) }
  }
}
