import Foundation
import TestSupport
import Testing

/// `precise ablate` over the binary: what it makes, what it does not make twice, what it refuses.
struct AblateCommandTests {
  private let world: CommandWorld
  private let folder: TemporaryFolder

  init() throws {
    world = try CommandWorld.shared()
    folder = try TemporaryFolder()
  }

  private var output: String { folder.file("out") }

  private func grid(_ variants: String = "both: {}\n  ids: {model.semantic_dim: 0}", _ more: String = "seeds: [1]") throws
    -> String
  {
    let config = try folder.write("base.yaml", CommandWorld.configText)
    return try folder.write("grid.yaml", "config: \(config)\nbase: both\nvariants:\n  \(variants)\n\(more)\n")
  }

  private func ablate(_ grid: String, _ more: String...) throws -> CommandResult {
    try CommandRunner.run(["ablate", grid, "--data", world.dataset, "--out", output, "--ranks", "1"] + more)
  }

  private func text(_ name: String) throws -> String { try String(contentsOfFile: "\(output)/\(name)", encoding: .utf8) }

  private func changed(_ name: String) throws -> Date? {
    try FileManager.default.attributesOfItem(atPath: "\(output)/\(name)")[.modificationDate] as? Date
  }

  @Test func makesATableAndDoesNothingTwice() throws {
    let grid = try grid(
      "both: {}\n  ids: {model.semantic_dim: 0}",
      "seeds: [1, 2]\nevaluate: {evaluation.filter_seen: [false, true]}\nkeep: results")
    let first = try ablate(grid, "--jobs", "2")
    #expect(first.code == 0, "\(first.errors)")
    let table = try text("table.md")
    #expect(
      first.output == table + "\n" && table.contains("    precise ablate \(grid) --data \(world.dataset) --out \(output)\n"))
    for heading in [
      "## universal, evaluation.filter_seen=false", "## like, evaluation.filter_seen=true", "| ids | 0.",
      "| · both over universal",
    ] {
      #expect(table.contains(heading), "\(heading)")
    }
    #expect(
      table.contains("filter_seen true") && table.contains("filter_seen false") && table.contains("split test (leave-one-out)"))
    #expect(try text("plot.svg").hasPrefix("<svg") && text("table.json").contains("\"difference_error\""))
    try theTableTellsAllThatWasEvaluated(table)
    for run in ["both/seed-1", "both/seed-2", "ids/seed-1", "ids/seed-2"] {
      for phase in ["universal", "like"] {
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(output)/runs/\(run)/checkpoints/\(phase)").count == 1)
      }
    }
    let times = try ["both", "ids"].map { try changed("runs/\($0)/seed-1/config.yaml") }
    let again = try ablate(grid, "--resume")
    #expect(again.code == 0 && again.output == first.output && again.errors.contains("4 trained, 4 evaluated"), "\(again.errors)")
    #expect(try ["both", "ids"].map { try changed("runs/\($0)/seed-1/config.yaml") } == times)
    // One bucket more is a matter of the table alone; another way of evaluating is evaluated, and nothing is trained.
    let more = try self.grid("both: {}\n  ids: {model.semantic_dim: 0}", "seeds: [1, 2]\nphases: [universal]\nbuckets: [cold]")
    let evaluated = try ablate(more, "--resume", "--quiet")
    #expect(evaluated.code == 0 && evaluated.output.contains("| recall@10, test | cold |"), "\(evaluated.errors)")
    #expect(try ["both", "ids"].map { try changed("runs/\($0)/seed-1/config.yaml") } == times)
    let started = try ablate(more)
    #expect(started.code == 65 && started.errors.contains("holds an ablation already; give --resume"))
  }

  /// What needs no training is measured once, for all runs, and of test events alone.
  private func theTableTellsAllThatWasEvaluated(_ table: String) throws {
    for text in [
      "| text search | 0.", "| own history | 0.", "| error over users | 0.", "test, by behavior | ",
      "test, by training events | ",
    ] {
      #expect(table.components(separatedBy: text).count > 4, "\(text)")
    }
    // Of each phase, once for all ways to evaluate.
    #expect(
      table.components(separatedBy: ", by epoch | ").count == 3 && table.contains("| ndcg@10, validation, like, by epoch | 0 |"))
    for picture in ["popularity.svg", "curves.svg"] { #expect(try text(picture).contains("<polyline")) }
    #expect(try text("gains.svg").contains("gain in recall@10, percent") && table.contains("## Gains of targeted phases"))
    for run in ["both/seed-1", "both/seed-2", "ids/seed-1", "ids/seed-2"] {
      let record = try #require(
        try JSONSerialization.jsonObject(with: Data(try text("results/\(run).json").utf8)) as? [String: Any])
      let evaluated = try #require(
        (record["evaluated"] as? [String: Any])?["evaluation.filter_seen=true"] as? [String: [String: Any]])
      for phase in ["universal", "like"] {
        let test = try #require((evaluated["test"]?[phase] as? [String: Any])?["test"] as? [String: Any])
        let validation = try #require((evaluated["validation"]?[phase] as? [String: Any])?["validation"] as? [String: Any])
        #expect((test["baselines"] != nil) == (run == "both/seed-1") && validation["baselines"] == nil, "\(run), \(phase)")
        #expect(test["standard_error"] != nil && test["behaviors"] != nil)
      }
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: "\(output)/results/both")
    #expect(left.sorted() == ["seed-1.json", "seed-2.json"])
  }

  /// A record that an earlier version left has neither baselines, errors and scenes nor each user's ranks.
  @Test func whatAnEarlierVersionJudgedStays() throws {
    let grid = try grid("both: {}", "seeds: [1]\nphases: [universal]")
    #expect(try ablate(grid).code == 0)
    let path = "\(output)/results/both/seed-1.json"
    var record = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
    record["ranks_by_training_events"] = nil
    // Comments are worded differently from version to version.
    record["config"] = (record["config"] as? String)?.replacing("# ", with: "# as was said once: ")
    var evaluated = try #require(record["evaluated"] as? [String: [String: [String: [String: [String: Any]]]]])
    for (label, splits) in evaluated {
      for split in splits.keys {
        for key in ["baselines", "standard_error", "behaviors"] { evaluated[label]?[split]?["universal"]?[split]?[key] = nil }
      }
    }
    record["evaluated"] = evaluated
    try JSONSerialization.data(withJSONObject: record).write(to: URL(fileURLWithPath: path))
    try FileManager.default.removeItem(atPath: "\(output)/runs/both/seed-1/metrics.jsonl")
    let again = try ablate(grid, "--resume")
    #expect(again.code == 0 && again.errors.contains("both, seed 1: is whole already"), "\(again.errors)")
    #expect(
      again.output.contains("| **both** | 0.") && again.errors.contains("written to \(output): table.json, plot.svg, table.md"))
    for text in ["text search", "error over users", "by behavior", "by training events", "by epoch"] {
      #expect(!again.output.contains(text), "\(text)")
    }
    // Pictures of what is not known any more are not left behind.
    for picture in ["popularity.svg", "curves.svg"] { #expect(!FileManager.default.fileExists(atPath: "\(output)/\(picture)")) }
  }

  @Test func otherSettingsAreRefusedAndOverwriteLosesThem() throws {
    #expect(try ablate(try grid("both: {}")).code == 0)
    let other = try grid("both: {model.layers: 2}")
    let refused = try ablate(other, "--resume")
    #expect(refused.code == 64 && refused.errors.contains("model.layers: 2, was 1 when the run began"), "\(refused.errors)")
    let anew = try ablate(other, "--overwrite", "--quiet")
    #expect(anew.code == 0 && anew.output.contains("`both`: model.layers=2"), "\(anew.errors)")
    #expect(try text("runs/both/seed-1/config.yaml").contains("layers: 2"))
  }

  /// A file where a run's folder should be: that one cannot be trained, and the others' results stay.
  @Test func oneThatFailsLosesNoOther() throws {
    #expect(try ablate(try grid("both: {}")).code == 0)
    try FileManager.default.createDirectory(atPath: "\(output)/runs/broken", withIntermediateDirectories: true)
    try "".write(toFile: "\(output)/runs/broken/seed-1", atomically: true, encoding: .utf8)
    let grid = try grid("both: {}\n  broken: {model.layers: 2}\n  ids: {model.semantic_dim: 0}")
    let result = try ablate(grid, "--resume")
    #expect(result.code == 70 && result.errors.contains("broken, seed 1: training ended with 65"), "\(result.errors)")
    #expect(result.errors.contains("is a file; name a folder for the run") && result.errors.contains("--resume tries again"))
    let table = try text("table.md")
    #expect(table.contains("**Incomplete**: broken, seed 1") && table.contains("| ids | 0.") && table.contains("| broken | – |"))
    try FileManager.default.removeItem(atPath: "\(output)/runs/broken/seed-1")
    let whole = try ablate(grid, "--resume")
    #expect(whole.code == 0 && whole.errors.contains("ids, seed 1: is whole already"), "\(whole.errors)")
    #expect(try text("table.md").contains("| broken | 0.") && !text("table.md").contains("Incomplete"))
  }

  @Test func stoppedAfterTheFirstRunItGoesOn() throws {
    let grid = try grid("both: {}\n  ids: {model.semantic_dim: 0, universal.epochs: 2000}")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try CommandRunner.binary())
    process.arguments = ["ablate", grid, "--data", world.dataset, "--out", output, "--ranks", "1"]
    let said = folder.file("said")
    try Data().write(to: URL(fileURLWithPath: said))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: said))
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    // The second run has begun, so the first one is whole.
    let metrics = "\(output)/runs/ids/seed-1/metrics.jsonl"
    for _ in 0..<2_000 where !FileManager.default.fileExists(atPath: metrics) { usleep(50_000) }
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    let errors = try String(contentsOfFile: said, encoding: .utf8)
    #expect(process.terminationReason == .exit && process.terminationStatus == 75, "\(errors)")
    #expect(errors.contains("2 runs (2 variants, 1 seed): 1 trained, 1 evaluated; go on with --resume"), "\(errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(output)/runs/ids/seed-1/checkpoints/universal").count > 0)
    #expect(!FileManager.default.fileExists(atPath: "\(output)/table.md"))
    let times = try [changed("runs/both/seed-1/config.yaml"), changed("results/both/seed-1.json")]
    // Two thousand epochs are not for a test: the run that was stopped is trained anew, as a shorter one.
    try FileManager.default.removeItem(atPath: "\(output)/runs/ids")
    let rest = try ablate(try self.grid(), "--resume")
    #expect(rest.code == 0 && rest.errors.contains("both, seed 1: is whole already"), "\(rest.errors)")
    #expect(try [changed("runs/both/seed-1/config.yaml"), changed("results/both/seed-1.json")] == times)
    #expect(try text("table.md").contains("| ids | 0."))
  }

  @Test func mistakesAreFoundBeforeAnythingIsTrained() throws {
    let wrong = try grid("both: {}\n  wide: {model.headz: 3}")
    let key = try ablate(wrong)
    #expect(
      key.code == 64 && key.errors.contains("\(wrong): line 5, variants.wide.model.headz: 3, is not a key"), "\(key.errors)")
    let phase = try ablate(try grid("both: {}", "phases: [liek]"))
    #expect(phase.code == 64 && phase.errors.contains("no variant has a phase liek; they have universal, like"))
    let scene = try ablate(try grid("both: {}\n  other: {targeted.0.behavior: nothing}"))
    #expect(scene.code == 64 && scene.errors.contains("variant other: "), "\(scene.errors)")
    let inside = try CommandRunner.run("ablate", try grid(), "--data", world.dataset, "--out", folder.path)
    #expect(inside.code == 64 && inside.errors.contains("must not lie in each other"))
    let lost = try CommandRunner.run("ablate", folder.file("none.yaml"), "--out", output)
    #expect(lost.code == 64 && lost.errors.contains("there is no such file"))
    #expect(try CommandRunner.run("ablate", "g", "--out", output, "--resume", "--overwrite").code == 64)
    #expect(try CommandRunner.run("ablate", "g", "--out", output, "--jobs", "0").code == 64)
    #expect(!FileManager.default.fileExists(atPath: output))
    let other = try CommandRunner.run("evaluate", world.run, "--set", "model.layers=2")
    #expect(other.code == 64 && other.errors.contains("keys below evaluation"))
  }
}
