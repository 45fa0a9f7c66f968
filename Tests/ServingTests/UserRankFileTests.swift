import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Reporting
import Runs
import Synchronization
import TestSupport
import Testing

/// Each user's ranks in a file: the same bytes on any number of ranks, and the metrics' own numbers.
struct UserRankFileTests {
  private let folder: TemporaryFolder
  private let run: String

  init() throws {
    folder = try TemporaryFolder()
    run = folder.file("run")
    try FileManager.default.copyItem(atPath: ServedWorld.hashed().run, toPath: run)
  }

  /// Measures all phases on some ranks and writes each user's; the entries are rank 0's.
  @discardableResult
  private func write(
    _ name: String, ranks: Int, baselines: Bool = true, overwrite: Bool = false
  ) throws -> [EvaluationRecord.Entry] {
    let found = Mutex<[EvaluationRecord.Entry]>([])
    try RankThreads.run(ranks: ranks) { [run, path = folder.file(name)] communicator in
      let trained = try TrainedRun(path: run)
      let users = try UserRankFile(path: path, overwrite: overwrite, trained, communicator: communicator)
      let evaluation = RunEvaluation(trained, baselines: baselines, communicator: communicator)
      for plan in try trained.trainedPhases {
        let entries = try evaluation.evaluate(plan, .test, users: users)
        if communicator.rank == 0 { found.withLock { $0 += entries } }
      }
      try users.commit()
    }
    return found.withLock { $0 }
  }

  private func rows(_ name: String) throws -> [[String: String]] {
    let lines = try String(contentsOfFile: folder.file(name), encoding: .utf8).split(separator: "\n")
    let names = lines[0].split(separator: ",").map(String.init)
    return lines.dropFirst().map { line in
      Dictionary(uniqueKeysWithValues: zip(names, line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)))
    }
  }

  private func mean(_ name: String, _ rows: [[String: String]]) throws -> Double {
    try rows.reduce(0) { try $0 + #require(Double($1[name] ?? "")) } / Double(rows.count)
  }

  @Test func theBytesDoNotDependOnTheNumberOfRanks() throws {
    for (ranks, name) in [(1, "1.csv"), (2, "2.csv"), (3, "3.csv"), (5, "5.csv"), (1, "1.csv.gz"), (3, "3.csv.gz")] {
      try write(name, ranks: ranks)
    }
    for name in ["2.csv", "3.csv", "5.csv"] {
      #expect(FileManager.default.contentsEqual(atPath: folder.file("1.csv"), andPath: folder.file(name)), "\(name)")
    }
    #expect(FileManager.default.contentsEqual(atPath: folder.file("1.csv.gz"), andPath: folder.file("3.csv.gz")))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("1.csv.gz"))).starts(with: [0x1F, 0x8B]))
  }

  @Test func meansOfTheRowsAreTheMetrics() throws {
    let entries = try write("users.csv", ranks: 2)
    let rows = try rows("users.csv")
    #expect(entries.map(\.split) == ["test", "test", "test.universal"])
    #expect(rows.count == entries.reduce(0) { $0 + 4 * $1.metrics.users(in: .all) })
    for entry in entries {
      let standings = [(Standing.Ranking.model, entry.metrics)] + entry.baselines.map { ($0.ranking, $0.metrics) }
      #expect(standings.map(\.0) == Standing.Ranking.allCases)
      for (ranking, metrics) in standings {
        let own = rows.filter {
          $0["phase"] == entry.phase && $0["split"] == entry.split && $0["ranked_by"] == ranking.rawValue
        }
        try compare(own, metrics)
      }
    }
  }

  /// The decile of an item by its id.
  private func decile(of item: String) throws -> Int? {
    let items = try TrainedRun(path: run).dataset.items
    return try withExtendedLifetime(items) {
      PopularityDeciles(trainCounts: items.trainCounts).number(of: try #require(items.index(of: item)))
    }
  }

  private func compare(_ rows: [[String: String]], _ metrics: RankingMetrics) throws {
    let deciles = try rows.map { try decile(of: $0["item"] ?? "") }
    let numbers = Dictionary(uniqueKeysWithValues: (0..<PopularityDeciles.count).map { ("decile_\($0 + 1)", $0) })
    for group in metrics.groups {
      let own = zip(rows, deciles).filter { row, decile in
        switch group.kind {
        case .decile: decile == numbers[group.name]
        case .scene: row["scene"] == group.name
        case .behavior: row["behavior"] == group.name
        case .bucket:
          switch group.name {
          case "all": true
          case "cold": (Int(row["train_events"] ?? "") ?? 9) <= 5
          case "unseen": row["train_events"] == "0"
          default: row["bucket"] == group.name
          }
        }
      }.map(\.0)
      #expect(own.count == metrics.users(in: group), "\(group)")
      for estimate in metrics.estimates(of: group) { #expect(abs(try mean(estimate.name, own) - estimate.mean) < 1e-12) }
    }
    #expect(metrics.groups.count { $0.kind == .decile } == 10)
    for row in rows { #expect(Double(row["mrr"] ?? "") == 1 / Double(Int(row["rank"] ?? "") ?? 0) && row["history"] == "11") }
  }

  @Test func withoutBaselinesThereIsTheModelAlone() throws {
    let entries = try write("users.csv", ranks: 1, baselines: false)
    #expect(entries.allSatisfy { $0.baselines.isEmpty && $0.recommended?.limit == 10 })
    #expect(try rows("users.csv").allSatisfy { $0["ranked_by"] == "model" })
  }

  @Test func aFileThatIsThereStays() throws {
    try folder.write("users.csv", "mine\n")
    #expect(throws: RankFailure.self) { try write("users.csv", ranks: 2) }
    #expect(try String(contentsOfFile: folder.file("users.csv"), encoding: .utf8) == "mine\n")
    try write("users.csv", ranks: 2, overwrite: true)
    #expect(try rows("users.csv").count > 100)
  }

  @Test func theRecordHasItAll() throws {
    try write("users.csv", ranks: 1)
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(run)/evaluation.json"))
    let record = try #require(try JSONSerialization.jsonObject(with: data) as? [String: [String: [String: Any]]])
    let entry = try #require(record["like"]?["test"])
    let errors = try #require(entry["standard_error"] as? [String: Any])
    #expect((entry["all"] as? [String: Double])?["users"] == 40)
    #expect(try #require((errors["all"] as? [String: Double])?["ndcg@10"]) > 0)
    #expect((entry["scenes"] as? [String: [String: Double]])?.keys.sorted() == ["feed", "shop"])
    #expect((errors["scenes"] as? [String: Any])?.keys.sorted() == ["feed", "shop"])
    try checkDeciles(entry, errors)
    #expect((entry["coverage@10"] as? Double ?? 0) > 0.3 && entry["distinct_items@10"] != nil && entry["novelty@10"] is Double)
    let baselines = try #require(entry["baselines"] as? [String: [String: Any]])
    #expect(baselines.keys.sorted() == ["history", "popularity", "text"])
    for baseline in baselines.values { try checkDeciles(baseline, #require(baseline["standard_error"] as? [String: Any])) }
    // What was recorded is read again, all of it.
    let read = try EvaluationRecord(path: "\(run)/evaluation.json").json.line
    let again = try #require(try JSONSerialization.jsonObject(with: Data(read.utf8)) as? [String: [String: [String: Any]]])
    let text = try #require(
      (again["like"]?["test"]?["baselines"] as? [String: [String: Any]])?["text"]?["all"] as? [String: Double])
    #expect(text == baselines["text"]?["all"] as? [String: Double] && text["users"] == 40)
  }

  /// Ten deciles, each with its metrics, users and training events; of errors the metrics alone.
  private func checkDeciles(_ entry: [String: Any], _ errors: [String: Any]) throws {
    let deciles = try #require(entry["popularity"] as? [String: [String: Any]])
    let names = (1...10).map { "decile_\($0)" }
    #expect(Set(deciles.keys) == Set(names))
    let users = try names.map { try #require(deciles[$0]?["users"] as? Int) }
    let events = try names.map { try #require(deciles[$0]?["train_events"] as? [Int]) }
    // One user's held-out item has no training event.
    #expect(users.reduce(0, +) == 39 && events.allSatisfy { $0.count == 2 && $0[0] <= $0[1] && $0[0] > 0 })
    #expect(zip(events, events.dropFirst()).allSatisfy { $0[0] >= $1[1] } && events[0][1] > events[9][0])
    let own = try #require(errors["popularity"] as? [String: [String: Any]])
    for (name, count) in zip(names, users) {
      #expect((deciles[name]?["recall@10"] is Double) == (count > 0), "\(name)")
      #expect(own[name]?["train_events"] == nil && own[name]?["users"] == nil && own[name]?.isEmpty == (count == 0), "\(name)")
    }
  }
}
