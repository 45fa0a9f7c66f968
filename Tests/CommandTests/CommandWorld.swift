import Foundation
import TestSupport

/// A tiny world taken through synth, prepare, encode and train by the binary, once for all tests; nobody writes into it.
final class CommandWorld: Sendable {
  /// A step that did not end with 0.
  struct StepFailed: Error {
    let arguments: [String]
    let status: Int32
    let errors: String
  }

  static func shared() throws -> CommandWorld { try world.get() }
  private static let world = Result { try CommandWorld() }

  let folder: TemporaryFolder
  var raw: String { folder.file("raw") }
  var dataset: String { folder.file("dataset") }
  var config: String { folder.file("config.yaml") }
  var run: String { folder.file("run") }

  static let configText = """
    model: {id_dim: 8, semantic_dim: 8, experts: 3, layers: 1, length: 8}
    batch: {users: 32}
    universal: {epochs: 1, negatives: 32}
    targeted:
      - {name: like, behavior: like, history: all, epochs: 1, negatives: 32}
    log: {tensorboard: false}

    """

  private init() throws {
    folder = try TemporaryFolder()
    try folder.write("config.yaml", Self.configText)
    try step("synth", "--out", raw, "--users", "80", "--items", "60", "--quiet")
    try step(
      "prepare", "--interactions", "\(raw)/interactions.csv", "--items", "\(raw)/items.csv", "--out", dataset, "--quiet",
      "--virtual-shards", "4")
    try step("encode", dataset, "--dim", "8", "--tokens", "4", "--quiet")
    try step(
      "train", "--config", config, "--data", dataset, "--out", run, "--quiet", "--set", "model.experts=2", "--set",
      "universal.epochs=2")
    try step("evaluate", run, "--quiet")
  }

  /// The id in a column of a raw file; line 0 is the header.
  func id(_ file: String, column: Int, line: Int = 1) throws -> String {
    let text = try String(contentsOfFile: "\(raw)/\(file)", encoding: .utf8)
    return String(text.split(separator: "\n")[line].split(separator: ",")[column])
  }

  private func step(_ arguments: String...) throws {
    let outcome = try CommandRunner.run(arguments)
    guard outcome.code == 0 else { throw StepFailed(arguments: arguments, status: outcome.code, errors: outcome.errors) }
  }
}
