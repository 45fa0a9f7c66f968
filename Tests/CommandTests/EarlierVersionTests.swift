import Foundation
import TestSupport
import Testing

/// What earlier states of version 0.1.0 wrote is read, measured and gone on with.
///
/// Both fixtures are worlds of 40 users and 24 items with runs of their `config.yaml`: `earlier` from before text vectors and noted
/// checksums, `earlier-2` (`precise synth --seed 8 --events 11 --scenes 2 --behaviors 2`, `prepare --min-item-events 1`, `encode --tokens 2
/// --dim 4`, `train`, `evaluate`) with both and a fitted blend, from before keys were spelled in snake_case.
struct EarlierVersionTests {
  /// A fixture, copied.
  private struct Copy {
    let folder: TemporaryFolder

    init(_ fixture: String) throws {
      folder = try TemporaryFolder()
      for name in ["dataset", "run", "config.yaml"] {
        try FileManager.default.copyItem(atPath: Fixtures.path("\(fixture)/\(name)"), toPath: folder.file(name))
      }
    }

    @discardableResult
    func run(_ arguments: String...) throws -> CommandResult {
      let outcome = try CommandRunner.run(arguments, in: folder.path)
      #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
      return outcome
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: folder.file(name), encoding: .utf8) }
  }

  private func means(_ text: Data) throws -> [String: Double] {
    let record = try #require(try JSONSerialization.jsonObject(with: text) as? [String: [String: [String: Any]]])
    var means: [String: Double] = [:]
    for (phase, splits) in record {
      for (split, buckets) in splits {
        for (metric, value) in buckets["all"] as? [String: Double] ?? [:] { means["\(phase) \(split) \(metric)"] = value }
      }
    }
    return means
  }

  @Test(arguments: ["earlier", "earlier-2"]) func itsFilesAreSoundAndMeasureTheSame(_ fixture: String) throws {
    let copy = try Copy(fixture)
    let before = try means(Data(copy.text("run/evaluation.json").utf8))
    try copy.run("inspect", "dataset", "--verify")
    try copy.run("inspect", "run", "--verify")
    let printed = try copy.run("evaluate", "run", "--data", "dataset", "--json", "--ranks", "1", "--quiet").output
    let now = try means(Data(printed.utf8))
    #expect(before.count == 18 && now.keys.sorted() == before.keys.sorted())
    // Another processor adds in another width, which may order two close scores the other way: for one user.
    for (key, value) in before {
      let users = before[key.split(separator: " ").dropLast().joined(separator: " ") + " users", default: 1]
      let tolerance = key.hasSuffix("users") ? 0 : 1 / users
      #expect(abs(value - now[key, default: -1]) <= tolerance, "\(key)")
    }
    try copy.run("export", "run", "--data", "dataset", "--out", "embeddings", "--quiet")
  }

  @Test(arguments: ["earlier", "earlier-2"]) func itIsGoneOnWith(_ fixture: String) throws {
    let copy = try Copy(fixture)
    let folder = copy.folder
    let train = ["train", "--config", "config.yaml", "--data", "dataset", "--ranks", "1", "--quiet", "--out"]
    // As if it had been stopped after 9 of 12 steps.
    try FileManager.default.removeItem(atPath: folder.file("run/checkpoints/like"))
    try FileManager.default.removeItem(atPath: folder.file("run/checkpoints/universal/step-00000012"))
    try FileManager.default.copyItem(atPath: folder.file("run"), toPath: folder.file("first"))
    for more in [["run", "--resume"], ["run", "--phase", "like", "--overwrite"], ["next", "--from", "first"]] {
      let outcome = try CommandRunner.run(train + more, in: folder.path)
      #expect(outcome.code == 0, "\(more): \(outcome.errors)")
    }
    let newest = try copy.text("run/checkpoints/universal/step-00000012/manifest.json")
    #expect(newest.contains("\"order\" : 1") && newest.contains("\"is_evaluated\" : true"))
    let record = try copy.text("run/run.json")
    #expect(record.contains("token_states_checksum") && record.contains("dataset_checksum"))
  }

  /// A run that is whole has its blend, and nothing is fitted again.
  @Test func itsBlendStays() throws {
    let copy = try Copy("earlier-2")
    let names = ["universal/step-00000009", "like/step-00000004"].map { "run/checkpoints/\($0)/manifest.json" }
    let before = try names.map(copy.text)
    // The key of earlier versions.
    #expect(before.allSatisfy { $0.contains("\"blend\"") && $0.contains("\"isJudged\"") })
    try copy.run(
      "train", "--config", "config.yaml", "--data", "dataset", "--out", "run", "--ranks", "1", "--quiet", "--resume")
    #expect(try names.map(copy.text) == before)
  }

  /// Its data set has no text vectors: encoded again as it was, it has, and its run's results are blended.
  @Test func itIsBlendedOnceItsDataSetIsEncodedAgain() throws {
    let copy = try Copy("earlier")
    let folder = copy.folder
    let results = try ["universal/step-00000009", "like/step-00000002"].map { name in
      let url = URL(fileURLWithPath: folder.file("run/checkpoints/\(name)/manifest.json"))
      return (url: url, before: try String(contentsOf: url, encoding: .utf8))
    }
    let resume = ["train", "--config", "config.yaml", "--data", "dataset", "--out", "run", "--ranks", "1", "--quiet", "--resume"]
    for isEncoded in [false, true] {
      if isEncoded { try copy.run("encode", "dataset", "--tokens", "2", "--dim", "4", "--quiet") }
      let outcome = try CommandRunner.run(resume, in: folder.path)
      #expect(outcome.code == 0, "\(outcome.errors)")
      for (url, before) in results {
        let now = try String(contentsOf: url, encoding: .utf8)
        #expect(isEncoded ? now.contains("\"blend\"") : now == before, "\(url.path), encoded: \(isEncoded)")
      }
    }
    try copy.run("evaluate", "run", "--data", "dataset", "--quiet")
  }

  @Test func itsTokenStatesAreCompared() throws {
    let copy = try Copy("earlier")
    // It did not note their checksum, but what kind they are of.
    try copy.run("encode", "dataset", "--tokens", "1", "--dim", "4", "--quiet")
    let outcome = try CommandRunner.run(["evaluate", "run", "--data", "dataset", "--quiet"], in: copy.folder.path)
    #expect(
      outcome.code == 65 && outcome.errors.contains("(hashed, 2 tokens of 4) than the data set has (hashed, 1 tokens of 4)"))
  }
}
