import Foundation
import TestSupport
import Testing

/// `precise blend` on copies of a trained run.
struct BlendCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try HostileWorld.shared().copy() }

  private func run(_ arguments: String...) throws -> CommandResult {
    try CommandRunner.run(arguments + ["--data", "dataset"], in: folder.path)
  }

  private func manifests() throws -> [String: Data] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter {
      $0.hasPrefix("run/checkpoints") && $0.hasSuffix("manifest.json")
    }
    return try Dictionary(uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: folder.file($0)))) })
  }

  @Test func everyPhaseIsBlendedAnewOnAnyNumberOfRanks() throws {
    let before = try manifests()
    #expect(before.values.contains { String(decoding: $0, as: UTF8.self).contains("\"blend\"") })
    for ranks in ["1", "2"] {
      let outcome = try run("blend", "run", "--ranks", ranks, "--quiet")
      #expect(outcome.code == 0, "\(outcome.errors)")
      for phase in ["universal", "like"] {
        #expect(outcome.output.contains("\(phase): scores blended with text; validation "), "\(outcome.output)")
      }
      // The same model, the same events, the same settings: what training fitted.
      #expect(try manifests() == before, "\(ranks) ranks")
    }
    let other = try run("blend", "run", "--phase", "universal", "--set", "cold_start.pseudo_count=2", "--quiet")
    #expect(other.code == 0 && !other.output.contains("like: "), "\(other.errors)")
    #expect(try run("evaluate", "run", "--quiet").code == 0)
  }

  @Test(arguments: ["universal.epochs=3", "model.layers=2", "cold_start=1", "evaluation.cutoffs=[1]"])
  func whatWasTrainedStays(change: String) throws {
    let before = try manifests()
    let outcome = try run("blend", "run", "--set", change, "--quiet")
    #expect(outcome.code == 64 && outcome.errors.contains(change), "\(outcome.errors)")
    #expect(try manifests() == before)
  }

  @Test func aDataSetWithoutVectorsIsToldToBeEncoded() throws {
    try FileManager.default.removeItem(atPath: folder.file("dataset/text_vectors.safetensors"))
    let outcome = try run("blend", "run", "--quiet")
    #expect(outcome.code == 65 && outcome.errors.contains("run `precise encode dataset` again"), "\(outcome.errors)")
    let evaluation = try run("evaluate", "run", "--quiet")
    #expect(evaluation.code == 65 && evaluation.errors.contains("text_vectors.safetensors"), "\(evaluation.errors)")
  }

  @Test func anUnknownPhaseIsRefused() throws {
    let outcome = try run("blend", "run", "--phase", "love", "--quiet")
    #expect(outcome.code == 65 && outcome.errors.contains("no trained phase love"), "\(outcome.errors)")
  }
}
