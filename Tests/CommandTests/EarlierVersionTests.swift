import Foundation
import TestSupport
import Testing

/// What an earlier version wrote (`Tests/Fixtures/earlier`, made by 0.1.0 with its `config.yaml`) is read, measured and gone on with.
struct EarlierVersionTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["dataset", "run", "config.yaml"] {
      try FileManager.default.copyItem(atPath: Fixtures.path("earlier/\(name)"), toPath: folder.file(name))
    }
  }

  @discardableResult
  private func run(_ arguments: String...) throws -> CommandResult {
    let outcome = try CommandRunner.run(arguments, in: folder.path)
    #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
    return outcome
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

  @Test func itsFilesAreSoundAndMeasureTheSame() throws {
    let before = try means(Data(contentsOf: URL(fileURLWithPath: folder.file("run/evaluation.json"))))
    try run("inspect", "dataset", "--verify")
    try run("inspect", "run", "--verify")
    let now = try means(Data(try run("evaluate", "run", "--data", "dataset", "--json", "--ranks", "1", "--quiet").output.utf8))
    #expect(before.count == 18 && now.keys.sorted() == before.keys.sorted())
    // Another processor adds in another width, which may order two close scores the other way: for one user of 40, or of 7.
    for (key, value) in before {
      let tolerance = key.hasSuffix("users") ? 0 : key.hasPrefix("like") ? 1.0 / 7 : 1.0 / 40
      #expect(abs(value - now[key, default: -1]) <= tolerance, "\(key)")
    }
    try run("export", "run", "--data", "dataset", "--out", "embeddings", "--quiet")
  }

  @Test func itIsGoneOnWith() throws {
    let train = ["train", "--config", "config.yaml", "--data", "dataset", "--ranks", "1", "--quiet", "--out"]
    // As if it had been stopped after 9 of 12 steps.
    try FileManager.default.removeItem(atPath: folder.file("run/checkpoints/like"))
    try FileManager.default.removeItem(atPath: folder.file("run/checkpoints/universal/step-00000012"))
    try FileManager.default.copyItem(atPath: folder.file("run"), toPath: folder.file("first"))
    for more in [["run", "--resume"], ["run", "--phase", "like", "--overwrite"], ["next", "--from", "first"]] {
      let outcome = try CommandRunner.run(train + more, in: folder.path)
      #expect(outcome.code == 0, "\(more): \(outcome.errors)")
    }
    let newest = "run/checkpoints/universal/step-00000012/manifest.json"
    #expect(try String(contentsOfFile: folder.file(newest), encoding: .utf8).contains("\"order\" : 1"))
    let record = try String(contentsOfFile: folder.file("run/run.json"), encoding: .utf8)
    #expect(record.contains("token_states_checksum"))
  }

  /// Its data set has no text vectors: encoded again as it was, it has, and its run's results are blended.
  @Test func itIsBlendedOnceItsDataSetIsEncodedAgain() throws {
    let results = try ["universal/step-00000009", "like/step-00000002"].map { name in
      let url = URL(fileURLWithPath: folder.file("run/checkpoints/\(name)/manifest.json"))
      return (url: url, before: try String(contentsOf: url, encoding: .utf8))
    }
    let resume = ["train", "--config", "config.yaml", "--data", "dataset", "--out", "run", "--ranks", "1", "--quiet", "--resume"]
    for isEncoded in [false, true] {
      if isEncoded { try run("encode", "dataset", "--tokens", "2", "--dim", "4", "--quiet") }
      let outcome = try CommandRunner.run(resume, in: folder.path)
      #expect(outcome.code == 0, "\(outcome.errors)")
      for (url, before) in results {
        let now = try String(contentsOf: url, encoding: .utf8)
        #expect(isEncoded ? now.contains("\"blend\"") : now == before, "\(url.path), encoded: \(isEncoded)")
      }
    }
    try run("evaluate", "run", "--data", "dataset", "--quiet")
  }

  @Test func itsTokenStatesAreCompared() throws {
    // It did not note their checksum, but what kind they are of.
    try run("encode", "dataset", "--tokens", "1", "--dim", "4", "--quiet")
    let outcome = try CommandRunner.run(["evaluate", "run", "--data", "dataset", "--quiet"], in: folder.path)
    #expect(
      outcome.code == 65 && outcome.errors.contains("(hashed, 2 tokens of 4) than the data set has (hashed, 1 tokens of 4)"))
  }
}
