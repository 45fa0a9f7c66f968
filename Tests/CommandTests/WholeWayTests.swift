import Files
import Foundation
import TestSupport
import Testing

/// From raw events to served embeddings by the binary alone.
@Suite(.serialized) struct WholeWayTests {
  /// The width of a served embedding: what the model makes of an item, 8 + 8, behind it the vector of its text, and the code that the fit of
  /// this run brings.
  private static let width = 16 + 256 + 64

  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  private func succeed(_ arguments: String..., input: String? = nil) throws -> String {
    let outcome = try CommandRunner.run(arguments, input: Data((input ?? "").utf8))
    #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
    return outcome.output
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func trainingLeavesARunDirectory() throws {
    let names = Set(try FileManager.default.contentsOfDirectory(atPath: world.run))
    #expect(names.isSuperset(of: ["checkpoints", "config.yaml", "evaluation.json", "metrics.jsonl", "run.json"]))
    #expect(try String(contentsOfFile: "\(world.run)/config.yaml", encoding: .utf8).contains("experts: 2"))
    let metrics = try String(contentsOfFile: "\(world.run)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    for line in metrics { _ = try object(String(line)) }
    #expect(metrics.contains { $0.contains("\"phase\":\"like\"") })
  }

  @Test func evaluationIsPrintedAndRecorded() throws {
    let printed = try object(try succeed("evaluate", world.run, "--json", "--quiet"))
    let recorded = try object(try String(contentsOfFile: "\(world.run)/evaluation.json", encoding: .utf8))
    for phase in ["universal", "like"] {
      let one = try #require((printed[phase] as? [String: Any])?["test"] as? [String: Any])["all"] as? [String: Double]
      let other = try #require((recorded[phase] as? [String: Any])?["test"] as? [String: Any])["all"] as? [String: Double]
      #expect(one == other && (one?["users"] ?? 0) > 0 && one?["recall@10"] != nil)
    }
  }

  @Test func evaluationHoldsTheModelAgainstBaselines() throws {
    let copy = folder.file("run")
    try FileManager.default.copyItem(atPath: world.run, toPath: copy)
    let users = folder.file("users.csv.gz")
    let lines = try succeed("evaluate", copy, "--per-user", users, "--quiet").split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.count <= 80 })
    for word in ["±", "text search", "own history", "popularity", "coverage", "novelty@10", "behavior like", "test.universal"] {
      #expect(lines.contains { $0.contains(word) }, "\(word)")
    }
    #expect(FileManager.default.fileExists(atPath: users))
    let alone = try succeed("evaluate", copy, "--no-baselines", "--phase", "universal", "--quiet")
    #expect(alone.contains("first 10: ") && !alone.contains("popularity"))
    let recorded = try object(try String(contentsOfFile: "\(copy)/evaluation.json", encoding: .utf8))
    let universal = try #require((recorded["universal"] as? [String: Any])?["test"] as? [String: Any])
    let like = try #require((recorded["like"] as? [String: Any])?["test"] as? [String: Any])
    #expect(universal["baselines"] == nil && like["baselines"] != nil && universal["behaviors"] != nil)
  }

  @Test func recommendShowsHistoryBesideTheBest() throws {
    let user = try world.id("interactions.csv", column: 0)
    let text = try succeed("recommend", world.run, "--user", user, "-k", "5", "--quiet").split(separator: "\n")
    #expect(text.count == 8 && text[0].hasPrefix("user \(user): ") && text[1].hasPrefix("left out: "))
    #expect(text[2].hasPrefix("newest events") && text[2].contains("rank  item "))
    #expect(text.dropFirst(3).enumerated().allSatisfy { $1.contains("|") && $1.contains(" \($0 + 1)  ") })
    let found = try object(try succeed("recommend", world.run, "--user", user, "-k", "5", "--json", "--quiet"))
    let list = try #require(found["recommendations"] as? [[String: Any]])
    let scores = list.compactMap { $0["score"] as? Double }
    #expect(list.count == 5 && scores == scores.sorted(by: >) && Set(list.compactMap { $0["item"] as? String }).count == 5)
    let unseen = try object(
      try succeed("recommend", world.run, "--user", user, "-k", "60", "--json", "--quiet", "--filter-seen"))
    #expect(try #require(unseen["recommendations"] as? [[String: Any]]).allSatisfy { $0["seen"] as? Bool == false })
  }

  @Test func recommendSaysWhy() throws {
    let user = try world.id("interactions.csv", column: 0)
    let table = try succeed("recommend", world.run, "--user", user, "-k", "5", "--explain", "--quiet")
    let heading = try #require(table.split(separator: "\n").dropFirst(2).first)
    #expect(heading.contains("model") && heading.contains("most like") && heading.hasSuffix("cosine"))
    for arguments in [["--user", user], ["--users-file", "-"]] {
      let outcome = try CommandRunner.run(
        ["recommend", world.run, "-k", "5", "--explain", "--json", "--quiet"] + arguments, input: Data("\(user)\n".utf8))
      let found = try object(outcome.output)
      let newest = try #require(found["newest"] as? [[String: Any]])
      let list = try #require(found["recommendations"] as? [[String: Any]])
      #expect(list.count == 5)
      for entry in list {
        let why = try #require(entry["why"] as? [String: Any])
        let parts = ["model", "text", "newest"].compactMap { why[$0] as? Double }
        let score = try #require(entry["score"] as? Double)
        let sum: Double = parts.reduce(0, +)
        #expect(why["model"] != nil && abs(sum - score) < 1e-4)
        let like = try #require(why["most_like"] as? [String: Any])
        #expect(abs(try #require(like["cosine"] as? Double)) < 1.0001)
        if let index = like["newest_index"] as? Int, index < newest.count {
          #expect(newest[index]["item"] as? String == like["item"] as? String)
        }
      }
    }
  }

  @Test func recommendTakesItemsAndListsOfUsers() throws {
    let item = try world.id("interactions.csv", column: 1)
    let similar = try object(try succeed("recommend", world.run, "--item", item, "-k", "60", "--json", "--quiet"))
    let list = try #require(similar["similar"] as? [[String: Any]])
    #expect(!list.isEmpty && list.allSatisfy { $0["item"] as? String != item })
    let users = try [1, 201].map { try world.id("interactions.csv", column: 0, line: $0) }
    let output = try succeed(
      "recommend", world.run, "--users-file", "-", "--json", "--quiet", input: "\(users[0])\nnobody\n\(users[1])\n")
    let lines = try output.split(separator: "\n").map { try object(String($0))["user"] as? String }
    #expect(lines == users)
  }

  @Test func exportedProductsAreTheScores() throws {
    _ = try succeed("export", world.run, "--out", folder.file("e"), "--quiet")
    let items = try SafetensorsFile(path: folder.file("e/items.safetensors"))
    let users = try SafetensorsFile(path: folder.file("e/users.safetensors"))
    let width = Self.width
    let (e, h) = (try items.floats("embeddings", shape: [nil, width]), try users.floats("embeddings", shape: [nil, width]))
    let itemIDs = try ids("e/items.txt"), userIDs = try ids("e/users.txt")
    #expect(e.count == itemIDs.count * width && h.count == userIDs.count * width && userIDs.count > 40)
    let pairs = (0..<20).map { (user: $0 % userIDs.count, item: $0 * 7 % itemIDs.count) }
    let text = "user,item\n" + pairs.map { "\(userIDs[$0.user]),\(itemIDs[$0.item])\n" }.joined()
    let output = try succeed("score", world.run, "--pairs", "-", "--out", "-", "--quiet", input: text)
    let rows = output.split(separator: "\n").map { $0.split(separator: ",") }
    #expect(rows.count == 21 && rows[0] == ["user", "item", "score"])
    for (row, pair) in zip(rows.dropFirst(), pairs) {
      let product = (0..<width).reduce(Float(0)) { $0 + h[pair.user * width + $1] * e[pair.item * width + $1] }
      #expect(abs(try #require(Float(row[2])) - product) < 1e-4)
    }
  }

  @Test func newItemsAreExportedBehindTheKnownOnes() throws {
    let list = try folder.write("new.csv", "item,text\nbrand-new,\"Red, round thing\"\n")
    _ = try succeed(
      "export", world.run, "--out", folder.file("e"), "--items", list, "--format", "jsonl", "--phase", "universal", "--quiet")
    let lines = try ids("e/items.jsonl")
    let last = try object(try #require(lines.last))
    #expect(last["id"] as? String == "brand-new" && (last["embedding"] as? [Double])?.count == Self.width)
  }

  @Test func inspectKnowsWhatItIsShown() throws {
    for (path, kind) in [(world.dataset, "dataset"), (world.run, "run"), (try checkpoint(), "checkpoint")] {
      let found = try object(try succeed("inspect", path, "--json", "--verify"))
      #expect(found["kind"] as? String == kind && found["verified"] as? Bool == true)
      #expect(try succeed("inspect", path + "/").split(separator: "\n").count > 2)
    }
    let run = try object(try succeed("inspect", world.run, "--json"))
    let phases = try #require(run["phases"] as? [[String: Any]])
    #expect(phases.compactMap { $0["name"] as? String } == ["universal", "like"])
    #expect((phases[0]["last"] as? [String: Any])?["loss"] is Double)
    #expect((run["config"] as? [String: String])?["model.experts"] == "2")
    let mixtures = try phases.map { try #require($0["mixture"] as? [String: Any]) }
    #expect(
      mixtures.allSatisfy { ($0["expert_load"] as? [Double])?.count == 2 && ($0["expert_words"] as? [[String]])?.count == 2 })
    let shown = try succeed("inspect", world.run)
    #expect(shown.contains("universal, expert") && shown.contains("gate entropy") && shown.contains("items with text"))
  }

  private func ids(_ name: String) throws -> [String] {
    try String(contentsOfFile: folder.file(name), encoding: .utf8).split(separator: "\n").map(String.init)
  }

  private func checkpoint() throws -> String {
    let phase = "\(world.run)/checkpoints/universal"
    return "\(phase)/\(try #require(try FileManager.default.contentsOfDirectory(atPath: phase).sorted().last))"
  }
}
