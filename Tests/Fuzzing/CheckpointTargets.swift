import Collectives
import Files
import Foundation
import Model
import Runs
import TestSupport

@testable import Checkpoints

extension FuzzTarget {
  /// A checkpoint's manifest, and the files behind its checksums.
  static var checkpointTargets: [FuzzTarget] { [checkpointManifest, checkpointFiles] }

  /// The manifest as it is, and once more with the list of the files that are there.
  private static var checkpointManifest: FuzzTarget {
    FuzzTarget("checkpoint-manifest", seeds: { [try contents(try FuzzCheckpoint($0).path + "/manifest.json")] }) { folder in
      let whole = try FuzzCheckpoint(folder)
      return { input in
        folder.put("\(whole.name)/manifest.json", input)
        attempt { try whole.load() }
        guard var manifest = try? CheckpointManifest.decoded(Data(input)) else { return }
        manifest.files = whole.manifest.files
        whole.put(manifest)
        attempt { try whole.load() }
      }
    }
  }

  /// The file that the first byte chooses, under a manifest that has its checksum.
  private static var checkpointFiles: FuzzTarget {
    FuzzTarget("checkpoint-files", seeds: checkpointFilesSeeds) { folder in
      let whole = try FuzzCheckpoint(folder)
      let originals = try whole.manifest.files.map { try contents("\(whole.path)/\($0.name)") }
      return { input in
        guard let choice = input.first.map({ Int($0) % originals.count }) else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
        var manifest = whole.manifest
        let name = "\(whole.name)/\(manifest.files[choice].name)"
        folder.put(name, bytes)
        manifest.files[choice].crc32 = CheckpointManifest.hex(CRC32.of(bytes))
        whole.put(manifest)
        attempt { try whole.load() }
        folder.put(name, originals[choice])
      }
    }
  }

  private static func checkpointFilesSeeds(_ folder: TemporaryFolder) throws -> [[UInt8]] {
    let whole = try FuzzCheckpoint(folder)
    return try whole.manifest.files.enumerated().map { [UInt8($0)] + (try contents("\(whole.path)/\($1.name)")) }
  }
}

/// A whole checkpoint of the universal phase and a model that it can be read into, as a run that goes on does.
private struct FuzzCheckpoint {
  let folder: TemporaryFolder
  let path: String
  let manifest: CheckpointManifest
  private let contents: CheckpointContents

  init(_ folder: TemporaryFolder) throws {
    self.folder = folder
    let run = try FuzzWorld(folder).run()
    let phase = try run.phase(named: "universal")
    let checkpoint = try run.checkpoint(phase)
    (path, manifest) = (checkpoint.path, checkpoint.manifest)
    let model = try run.model(phase, communicator: SoloCommunicator())
    contents = CheckpointContents(
      model, optimizer: AdamW(model.parameters, options: .init()), configuration: "", itemKey: { UInt64($0) },
      vocabulary: manifest.vocabulary)
  }

  /// The folder's name inside the temporary one.
  var name: String { String(path.dropFirst(folder.path.count + 1)) }

  func put(_ manifest: CheckpointManifest) {
    guard let text = try? manifest.sealed() else { return }
    folder.put("\(name)/manifest.json", Array(text))
  }

  func load() throws {
    let checkpoint = try Checkpoint(path: path)
    _ = checkpoint.manifest.isFinished
    _ = try checkpoint.configuration()
    try checkpoint.load(into: contents, communicator: SoloCommunicator())
  }
}
