import Files
import Foundation
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
      phase: "universal", step: 1203, steps: 6000, epoch: 3.1415, updates: 1203, isJudged: true,
      unlogged: .init(steps: 3, loss: 20.125), dataset: "0123456789abcdef", items: 300, selectedBy: "ndcg@10", score: 0.25)
    manifest.files = [.init(name: "items-00000.safetensors", crc32: "00c0ffee", rows: [0, 300])]
    self.manifest = manifest
  }

  @Test func isReadAsItWasWritten() throws {
    try manifest.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == manifest)
    // Judged later, it is written once more.
    let judged = try CheckpointManifest(folder: folder.path)
    try judged.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == manifest)
  }

  /// Earlier versions knew no rule: what they sealed has no entry for it, and neither has what is written without one.
  @Test func aRuleIsReadWhereThereIsOne() throws {
    #expect(!(try #require(String(data: manifest.sealed(), encoding: .utf8))).contains("\"order\""))
    var later = manifest
    later.order = 1
    try later.write(to: folder.path)
    #expect(try CheckpointManifest(folder: folder.path) == later && later != manifest)
  }

  /// No flip of one bit gives another manifest: it is refused, or says the same.
  @Test func everyFlippedBitIsSeen() throws {
    let whole = try manifest.sealed()
    let path = URL(fileURLWithPath: folder.file(CheckpointManifest.fileName))
    var refused = 0
    for place in whole.indices {
      for bit in 0..<8 {
        var bytes = whole
        bytes[place] ^= 1 << bit
        try bytes.write(to: path)
        do {
          #expect(try CheckpointManifest(folder: folder.path) == manifest, "byte \(place), bit \(bit)")
        } catch {
          #expect(error is InputError)
          refused += 1
        }
      }
    }
    #expect(refused > 7 * whole.count)
  }
}
