import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Model
import Preparation
import Runs
import Tensors
import TestSupport
import Testing

@testable import Serving

struct EmbeddingExportTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func export(
    _ served: ServedModel, _ name: String, _ format: EmbeddingFormat = .safetensors,
    history: ServedModel.HistoryExtent = .all, overwrite: Bool = false
  ) throws -> String {
    var export = EmbeddingExport(served, version: "1.2.3")
    (export.format, export.history, export.overwrite) = (format, history, overwrite)
    let path = folder.file(name)
    try export.write(to: path)
    return path
  }

  private func floats(_ path: String) throws -> [Float] {
    try SafetensorsFile(path: path).floats("embeddings", shape: [nil, nil])
  }

  private func lines(_ path: String) throws -> [String] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map(String.init)
  }

  /// The exported files alone, multiplied in plain Swift, rank as evaluation does.
  @Test(arguments: ["universal", "like"])
  func exportedProductsRankAsEvaluationDoes(phase: String) throws {
    let served = try ServedWorld.hashed().served(phase)
    let (dataset, width) = (served.dataset, served.width)
    // Training events alone are the history of the validation event.
    let path = try export(served, "e", history: .training)
    let (items, users) = (try floats("\(path)/items.safetensors"), try floats("\(path)/users.safetensors"))
    let ids = try lines("\(path)/users.txt")
    #expect(users.count == ids.count * width && ids.count == ServedWorld.users)
    let buckets = PopularityBuckets(trainCounts: dataset.items.trainCounts)
    var metrics = RankingMetrics(cutoffs: [1, 5, 10])
    for (row, id) in ids.enumerated() {
      guard let position = try dataset.find(user: id) else { throw InputError("\(id) is not in the data set") }
      let events = try dataset.shard(position.shard).events(position.user)
      guard let event = events.validation, served.plan.evaluated.matches(events, event) else { continue }
      let scores = (0..<dataset.items.count).map { item in
        (0..<width).reduce(Float(0)) { $0 + users[row * width + $1] * items[item * width + $1] }
      }
      let target = Int(events.items[event])
      let rank = scores.count { !($0 < scores[target]) }
      metrics.add(rank: rank, groups: buckets.buckets(of: target))
    }
    let evaluator = Evaluator(
      dataset, shards: 0..<dataset.shardCount, cutoffs: [1, 5, 10], communicator: SoloCommunicator())
    let expected = try evaluator.evaluate(
      served.model, served.plan.task(.validation, filterSeen: false), workspace: Workspace())
    #expect(metrics.users(in: "all") == expected.users(in: "all") && expected.users(in: "all") > 5)
    for (found, wanted) in zip(metrics.means(of: "all"), expected.means(of: "all")) {
      #expect(abs(found.value - wanted.value) < 1e-9, "\(wanted.name)")
    }
  }

  @Test func theWholeHistoryIsTheDefault() throws {
    let served = try ServedWorld.hashed().served("universal")
    let (all, training) = (try export(served, "all"), try export(served, "training", history: .training))
    #expect(try floats("\(all)/users.safetensors") != floats("\(training)/users.safetensors"))
    #expect(try floats("\(all)/items.safetensors") == floats("\(training)/items.safetensors"))
    let users = (0..<served.dataset.shardCount).flatMap { index -> [String] in
      guard let shard = try? served.dataset.shard(index) else { return [] }
      return (0..<shard.userCount).map(shard.id)
    }
    #expect(try lines("\(all)/users.txt") == users)
    #expect(try lines("\(all)/items.txt") == (0..<served.dataset.items.count).map(served.dataset.items.id))
  }

  @Test func allFormatsHoldTheSameNumbers() throws {
    let served = try ServedWorld.hashed().served()
    let tensors = try export(served, "t", .safetensors)
    let plain = try export(served, "n", .npy)
    let objects = try export(served, "j", .jsonl)
    for name in ["items", "users"] {
      let expected = try floats("\(tensors)/\(name).safetensors")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(plain)/\(name).npy"))
      let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
      #expect(bytes[0..<8] == Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0]) && start % 64 == 0)
      #expect(bytes.dropFirst(start).elementsEqual(expected.withUnsafeBytes { Data($0) }))
      #expect(try lines("\(plain)/\(name).txt") == lines("\(tensors)/\(name).txt"))
      let rows = try lines("\(objects)/\(name).jsonl").map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
      #expect(rows.map(\.id) == (try lines("\(tensors)/\(name).txt")))
      #expect(rows.flatMap(\.embedding) == expected)
    }
    let names = ["export.json", "items.jsonl", "model_card.md", "users.jsonl"]
    #expect(try FileManager.default.contentsOfDirectory(atPath: objects).sorted() == names)
  }

  @Test func theRecordAndTheCardSayWhereNumbersComeFrom() throws {
    let served = try ServedWorld.hashed().served("like")
    let path = folder.file("provenance")
    var export = EmbeddingExport(served, version: "7.8.9")
    export.created = 1_700_000_000
    try export.write(to: path)
    let record =
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: "\(path)/export.json"))) as? [String: Any]
    let texts = ["version", "created", "phase", "run", "dataset", "dataset_checksum"].map { record?[$0] as? String }
    let expected = [
      "7.8.9", "2023-11-14T22:13:20Z", "like", served.run.directory.path, served.dataset.path, served.dataset.manifest.checksum,
    ]
    #expect(texts == expected)
    #expect(record?["step"] as? Int == served.step && record?["trained_on"] == nil)
    let card = try String(contentsOfFile: "\(path)/model_card.md", encoding: .utf8)
    for text in expected { #expect(card.contains(text), "\(text)") }
    #expect(card.contains("has not been measured"))
  }

  private struct Row: Decodable {
    let id: String
    let embedding: [Float]
  }

  @Test(.enabled(if: Python.hasNumPy, "python3 with numpy is not here"))
  func numPyReadsTheFiles() throws {
    let served = try ServedWorld.hashed().served()
    let path = try export(served, "n", .npy)
    let expected = try floats("\(try export(served, "t"))/items.safetensors")
    let script = "import numpy, sys; a = numpy.load(sys.argv[1]); print(a.dtype, *a.shape); a.tofile(sys.argv[2])"
    let (status, output) = try Python.run(["-c", script, "\(path)/items.npy", folder.file("raw")])
    #expect(status == 0 && output == "float32 \(served.dataset.items.count) \(served.width)\n")
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("raw"))) == expected.withUnsafeBytes { Data($0) })
  }

  @Test func onlyAnEarlierExportIsReplacedAndOnlyWhenTold() throws {
    let served = try ServedWorld.hashed().served()
    let path = try export(served, "e", .npy)
    let error = #expect(throws: InputError.self) { try export(served, "e") }
    #expect(error?.description == "\(path) is an export already; give --overwrite to replace it or name another folder")
    _ = try export(served, "e", .safetensors, overwrite: true)
    #expect(!FileManager.default.fileExists(atPath: "\(path)/items.npy"))
    try FileManager.default.createDirectory(atPath: folder.file("home"), withIntermediateDirectories: false)
    try folder.write("home/letter", "dear")
    #expect(throws: InputError.self) { try export(served, "home", overwrite: true) }
    #expect(try folder.names() == ["e", "home"])
  }

  /// A data set of an earlier version may have such ids; Python's splitlines would find one line more than there are rows.
  @Test func aListOfIdsCannotHoldALineSeparator() throws {
    let storage = Storage<Float>(count: 2)
    let block = Matrix(storage.base, rows: 1, columns: 2)
    block.base.update(repeating: 1, count: 2)
    try withExtendedLifetime(storage) {
      for format in [EmbeddingFormat.safetensors, .npy] {
        let file = try EmbeddingFile(folder: folder.path, name: "items", format: format, rows: 1, width: 2)
        let error = #expect(throws: InputError.self) { try file.append(block) { _ in "a\u{2028}b" } }
        #expect(error?.description.contains("--format jsonl") == true)
      }
      let file = try EmbeddingFile(folder: folder.path, name: "items", format: .jsonl, rows: 1, width: 2)
      try file.append(block) { _ in "a\u{2028}b\u{85}" }
      try file.finish()
    }
    #expect(try lines(folder.file("items.jsonl")) == [#"{"id":"a\u2028b\u0085","embedding":[1.0,1.0]}"#])
  }
}
