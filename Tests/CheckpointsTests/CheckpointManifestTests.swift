import Files
import Foundation
import Model
import TestSupport
import Testing

@testable import Checkpoints

/// A manifest is what it was when it was written, or it is refused.
struct CheckpointManifestTests {
  private let folder: TemporaryFolder
  private let manifest: CheckpointManifest

  init() throws {
    folder = try TemporaryFolder()
    var manifest = CheckpointManifest(
      phase: "universal", step: 1203, steps: 6000, epoch: 3.1415, updates: 1203, isEvaluated: true,
      unlogged: .init(steps: 3, loss: 20.125), dataset: "0123456789abcdef", items: 300, selectedBy: "ndcg@10", score: 0.25)
    manifest.files = [.init(name: "items-00000.safetensors", crc32: "00c0ffee", rows: [0, 300])]
    self.manifest = manifest
  }

  @Test func isReadAsItWasWritten() throws {
    try manifest.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == manifest)
    // Evaluated later, it is written once more.
    let evaluated = try CheckpointManifest(folder: folder.path)
    try evaluated.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == manifest)
  }

  /// As version 0.1.0 has written and sealed one (`Tests/Fixtures/earlier`): in camelCase, under other names.
  @Test func oneOfAnEarlierVersionIsRead() throws {
    let name = "run/checkpoints/universal/step-00000009"
    let earlier = try CheckpointManifest(folder: Fixtures.path("earlier/\(name)"))
    #expect(earlier.isEvaluated && earlier.selectedBy == "ndcg@10" && earlier.datasetChecksum == "97317286c02f4e72")
    #expect(earlier.vocabulary.encoding == .init(encoder: "hashed", width: 4, tokens: 2))
    // One character of it changed is seen, whatever the keys are called.
    let path = Fixtures.path("earlier/\(name)/manifest.json")
    let text = try String(contentsOfFile: path, encoding: .utf8).replacing("\"step\" : 9", with: "\"step\" : 8")
    try folder.write(CheckpointManifest.fileName, text)
    #expect(throws: InputError.self) { try CheckpointManifest(folder: folder.path) }
    try earlier.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == earlier)
    let written = try String(contentsOfFile: folder.file(CheckpointManifest.fileName), encoding: .utf8)
    for key in ["is_evaluated", "selected_by", "dataset_checksum", "width"] {
      #expect(written.contains("\"\(key)\" : "), "\(key)")
    }
    // What earlier versions called it.
    #expect(!written.contains("isJudged") && !written.contains("\"dataset\""))
  }

  /// Earlier versions knew no rule: what they sealed has no entry for it, and neither has what is written without one.
  @Test func aRuleIsReadWhereThereIsOne() throws {
    #expect(!(try #require(String(data: manifest.sealed(), encoding: .utf8))).contains("\"order\""))
    var later = manifest
    later.order = 1
    try later.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == later && later != manifest)
  }

  private var blend: Blend {
    var blend = Blend(
      confidenceEdges: [1.25], likenessEdges: [-0.5], cells: (0..<4).map { .init(strength: Double($0) / 3, decay: 0.6) })
    (blend.unseenScale, blend.vectors) = (1.75, "00c0ffee")
    return blend
  }

  /// Without a blend nothing stands there, as in what earlier versions sealed.
  @Test func aBlendIsReadWhereThereIsOne() throws {
    #expect(!(try #require(String(data: manifest.sealed(), encoding: .utf8))).contains("\"blend\""))
    var later = manifest
    later.blend = blend
    try later.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == later && later != manifest)
  }

  /// A seal can be made to fit: numbers that nothing can be ranked with are refused all the same.
  @Test func aBlendThatCannotBeIsRefused() throws {
    let changes: [(inout Blend) -> Void] = [
      { $0.cells.removeLast() }, { $0.cells[2].strength = 1e300 }, { $0.cells[1].decay = 2 }, { $0.unseenScale = -1 },
      { $0.unseenScale = 1e9 }, { $0.likenessEdges += [1, 2] }, { $0.confidenceEdges = [] },
    ]
    for (index, change) in changes.enumerated() {
      var (hostile, blend) = (manifest, blend)
      change(&blend)
      hostile.blend = blend
      try hostile.write(to: folder.path)
      let error = #expect(throws: InputError.self, "change \(index)") { try CheckpointManifest(folder: folder.path) }
      #expect(error?.description == "\(folder.file(CheckpointManifest.fileName)) cannot be read; use another checkpoint")
    }
  }

  /// No flip of one bit gives another manifest: it is refused, or says the same.
  @Test func everyFlippedBitIsSeen() throws {
    let whole = try manifest.sealed()
    let path = URL(fileURLWithPath: folder.file(CheckpointManifest.fileName))
    var refused = 0
    for index in whole.indices {
      for bit in 0..<8 {
        var bytes = whole
        bytes[index] ^= 1 << bit
        try bytes.write(to: path)
        do {
          #expect(try CheckpointManifest(folder: folder.path) == manifest, "byte \(index), bit \(bit)")
        } catch {
          #expect(error is InputError)
          refused += 1
        }
      }
    }
    #expect(refused > 7 * whole.count)
  }
}
