import ArgumentParser
import Files
import Foundation
import TestSupport
import Testing

@testable import precise

/// `precise synth`, `prepare` and `encode` one after the other, as the demo runs them.
struct EncodeCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func run(_ arguments: String...) throws {
    var command = try Precise.parseAsRoot(arguments)
    try command.run()
  }

  @Test func aWorldBecomesADataSetWithStates() throws {
    let (raw, dataset) = (folder.file("new/raw"), folder.file("dataset"))
    try run("synth", "--out", raw + "/", "--users", "60", "--items", "60", "--quiet", "--gzip")
    try run(
      "prepare", "--interactions", "\(raw)/interactions.csv.gz", "--items", "\(raw)/items.csv.gz", "--out", dataset, "--quiet")
    try run("encode", dataset + "/", "--dim", "8", "--tokens", "3", "--dtype", "bf16", "--quiet")
    let file = try SafetensorsFile(path: "\(dataset)/token_states.safetensors")
    #expect(file.tensors["states"]?.type == .bf16)
    #expect(file.tensors["states"]?.shape.last == 8)
    #expect(FileManager.default.fileExists(atPath: "\(dataset)/encode.json"))
    let error = #expect(throws: ExitCode.self) { try run("encode", dataset, "--states", folder.file("none"), "--quiet") }
    #expect(error == PreciseExit.badInput)
  }

  @Test(arguments: [
    ["encode", "d", "--encoder", "hashed", "--states", "s"], ["encode", "d", "--ids", "i"], ["encode", "d", "--tokens", "0"],
    ["encode", "d", "--vectors", "v", "--states", "s"], ["encode", "d", "--vectors", "v", "--tokens", "4"],
    ["encode", "d", "--encoder-name", "x"], ["encode", "d", "--vectors", "v", "--encoder-name", "hashed"],
    ["encode", "d", "--vectors", "v", "--encoder-name", "a\nb"], ["export", "r", "--out", "o", "--new-vectors", "v"],
    ["export", "r", "--out", "o", "--items", "i", "--new-vectors", "v", "--new-states", "s"],
    ["encode", "d", "--dim", "0"], ["encode", "d", "--encoder", "other"], ["encode", "d", "--dtype", "f64"], ["encode"],
    ["synth"], ["synth", "--out", "o", "--items", "29"], ["synth", "--out", "o", "--scenes", "0"],
    ["synth", "--out", "o", "--seed", "-1"], ["synth", "--out", "o", "--events", "nan"],
  ])
  func wrongUsageIsRefused(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try Precise.parseAsRoot(arguments) }
    #expect(error.map { Precise.exitCode(for: $0) } == ExitCode(64))
  }
}
