import Foundation
import TestSupport
import Testing

/// `precise report` and `precise compare` over runs of the binary's own making.
struct ReportCommandTests {
  /// A world of few users whose titles, scenes and behaviors are hostile, trained, evaluated and on a page.
  private final class HostileTitles: Sendable {
    static let title = "</title><script>alert('1')</script> & \"q\" 'a' \u{202E}x"
    static let scene = "<b>sc&ne</b> ~/"
    let folder: TemporaryFolder

    init() throws {
      folder = try TemporaryFolder()
      var events = "user,item,timestamp,scene,behavior\n"
      for user in 0..<24 {
        for step in 0..<8 {
          let item = (user * 5 + step * step * 3) % 18
          let scene = item % 2 == 0 ? "\"\(Self.scene)\"" : "feed"
          events += "\"<u>\(user)\",i\(item),\(1_700_000_000 + user * 100 + step * 9_000),\(scene),view\n"
        }
      }
      let quoted = Self.title.replacingOccurrences(of: "\"", with: "\"\"")
      let items = "item,text\n" + (0..<18).map { "i\($0),\"\(quoted) \($0)\"\n" }.joined()
      try folder.write("events.csv", events)
      try folder.write("items.csv", items)
      try folder.write("config.yaml", CommandWorld.configText.replacingOccurrences(of: "behavior: like", with: "scene: feed"))
      try step(
        "prepare", "--interactions", "events.csv", "--items", "items.csv", "--out", "dataset", "--virtual-shards", "4",
        "--min-item-events",
        "1")
      try step("encode", "dataset", "--dim", "8", "--tokens", "4")
      try step("train", "--config", "config.yaml", "--data", "dataset", "--out", "run")
      try step("evaluate", "run")
    }

    private func step(_ arguments: String...) throws {
      let outcome = try CommandRunner.run(arguments + ["--quiet"], in: folder.path)
      #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
    }
  }

  @Test func hostileTitlesStayTexts() throws {
    let world = try HostileTitles()
    let outcome = try CommandRunner.run(["report", "run", "--out", "page.html", "--users", "3"], in: world.folder.path)
    #expect(outcome.code == 0 && outcome.output.isEmpty && outcome.errors.contains("page.html: 1 run, "), "\(outcome.errors)")
    let page = ReportPage(try String(contentsOfFile: world.folder.file("page.html"), encoding: .utf8))
    #expect(page.faults == [], "\(page.faults.prefix(5))")
    let (count, wrong) = try page.compareNumbers(runs: [world.folder.file("run")])
    #expect(wrong.isEmpty && count > 300, "\(count) \(wrong.prefix(5))")
    let shown = page.texts.joined(separator: "\n")
    #expect(shown.contains(HostileTitles.title) && shown.contains(HostileTitles.scene) && shown.contains("User "))
    #expect(page.texts.count { $0.contains("<u>") } >= 3)
    // All 18 items but those without a training event are on the map.
    #expect(page.elements.count { $0.attributes["class"]?.contains("place") == true } > 9)
  }

  @Test func thePageIsNotReplacedUnasked() throws {
    let world = try CommandWorld.shared()
    let folder = try TemporaryFolder()
    let page = try folder.write("page.html", "mine")
    let refused = try CommandRunner.run("report", world.run, "--out", page, "--no-model")
    #expect(refused.code == 65 && refused.errors.contains("is there already; give --overwrite"), "\(refused.errors)")
    #expect(try String(contentsOfFile: page, encoding: .utf8) == "mine")
    let replaced = try CommandRunner.run("report", world.run, "--out", page, "--no-model", "--overwrite", "--quiet")
    #expect(replaced.code == 0 && replaced.errors.isEmpty)
    #expect(try String(contentsOfFile: page, encoding: .utf8).hasPrefix("<!DOCTYPE html>"))
    let owned = try CommandRunner.run("report", world.run, "--out", "\(world.run)/metrics.jsonl", "--overwrite")
    #expect(owned.code == 64 && owned.errors.contains("is a file of the run"))
  }

  @Test func whatIsNoRunIsRefusedInOneSentence() throws {
    let world = try CommandWorld.shared()
    let folder = try TemporaryFolder()
    for arguments in [["report", world.dataset, "--out", folder.file("p.html")], ["compare", world.run, folder.path]] {
      let outcome = try CommandRunner.run(arguments)
      #expect(
        outcome.code == 65 && outcome.errorLines.count == 1 && outcome.errors.contains("is not a run directory"),
        "\(outcome.errors)")
    }
    #expect(try CommandRunner.run("compare", world.run).code == 64)
    #expect(try CommandRunner.run("compare", world.run, "\(world.run)/").code == 65)
    #expect(try CommandRunner.run("report", world.run, "--out", folder.file("p.html"), "--users", "101").code == 64)
    #expect(try folder.names().isEmpty)
  }

  @Test func aRunAndACopyOfItDoNotDiffer() throws {
    let world = try CommandWorld.shared()
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: world.run, toPath: folder.file("copy"))
    let outcome = try CommandRunner.run("compare", world.run, folder.file("copy"))
    #expect(outcome.code == 0 && outcome.errors.isEmpty && outcome.output.contains("the configurations are the same"))
    #expect(
      outcome.output.contains("universal, test\n")
        && outcome.output.contains("like, test.universal, the universal phase on the same users\n"))
    #expect(outcome.output.contains("+0.0000 ± ") && !outcome.output.contains(" *\n"))
    let json = try CommandRunner.run("compare", world.run, folder.file("copy"), "--json", "--all")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let rows = (object["evaluation"] as? [[String: Any]])?.compactMap { $0["rows"] as? [[String: Any]] }.joined()
    #expect(rows?.contains { $0["metric"] as? String == "recall@5" } == true)
    #expect(object["warnings"] as? [String] == [])
  }
}
