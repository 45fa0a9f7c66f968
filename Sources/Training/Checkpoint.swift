public import Collectives
import Files
import Foundation
import Items
public import Model
import Tensors

/// A model on disk: dense parameters, item rows with their optimizer state, and token states once they have been trained.
///
/// World-size-free: files hold fixed runs of the table's rows, whatever ranks wrote them. They are written in a folder of a
/// temporary name that is renamed when all of them are on disk. docs/distributed.md, "Failing and resuming".
public struct Checkpoint: Sendable {
  /// The folder.
  public let path: String
  /// What it says about itself.
  public let manifest: CheckpointManifest

  /// Opens a checkpoint's folder and reads its manifest.
  ///
  /// Throws `InputError` when it is none or not whole.
  public init(path: String) throws {
    self.path = path
    let file = "\(path)/\(CheckpointManifest.fileName)"
    guard let data = FileManager.default.contents(atPath: file) else {
      throw InputError("\(path) is not a checkpoint: it has no \(CheckpointManifest.fileName)")
    }
    do {
      manifest = try JSONDecoder().decode(CheckpointManifest.self, from: data)
    } catch {
      throw InputError("\(file) cannot be read; use another checkpoint")
    }
    guard manifest.version == CheckpointManifest.currentVersion else {
      throw InputError("\(file) has version \(manifest.version), this program reads \(CheckpointManifest.currentVersion)")
    }
  }

  // MARK: Write

  /// Writes a model under `path`, whole or not at all; collective, and every rank returns once it is whole.
  public static func write(
    _ model: PreciseModel, _ manifest: CheckpointManifest, to path: String, communicator: any Communicator
  ) throws {
    let folder = try communicator.rank == 0 ? outputFolder(path) : nil
    let temporary = try communicator.broadcast(folder?.temporaryPath)
    var manifest = manifest
    if folder != nil {
      manifest.files = [.init(name: "dense.safetensors", crc32: try writeDense(model, "\(temporary)/dense.safetensors"))]
    }
    for kind in CheckpointRows.Kind.allCases where kind == .items || model.items.tokenOptimizer != nil {
      manifest.files += try CheckpointRows(kind, model.items, communicator: communicator).write(to: temporary)
    }
    if let folder {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try RunDirectory.write(try encoder.encode(manifest), to: "\(temporary)/\(CheckpointManifest.fileName)")
      try folder.commit()
    }
    try communicator.barrier()
  }

  private static func outputFolder(_ path: String) throws -> OutputFolder {
    try OutputFolder(path: path, kind: .init("a checkpoint", marker: CheckpointManifest.fileName), overwrite: true)
  }

  private static func writeDense(_ model: PreciseModel, _ path: String) throws -> String {
    let parameters = model.parameters.parameters
    var writer = try SafetensorsWriter(path: path, tensors: parameters.map { TensorSpec($0.name, .f32, $0.shape) })
    for parameter in parameters { try writer.write(UnsafeBufferPointer(parameter.vector.buffer)) }
    return hex(try writer.finish())
  }

  static func hex(_ value: UInt32) -> String { String(format: "%08x", value) }

  // MARK: Read

  /// Reads every number that this rank holds into a model of the same extents.
  ///
  /// Throws `InputError` naming the file and tensor that do not fit.
  public func load(into model: PreciseModel, communicator: any Communicator) throws {
    let dense = try open("dense.safetensors", verifying: true)
    for parameter in model.parameters.parameters {
      try dense.withValues(parameter.name, as: Float.self, .f32, shape: parameter.shape) { values in
        _ = parameter.vector.buffer.update(fromContentsOf: values)
      }
    }
    for kind in CheckpointRows.Kind.allCases where kind == .items || hasTokens {
      try CheckpointRows(kind, model.items, communicator: communicator).load(from: self)
    }
  }

  /// Whether token states are part of it: they are, once they have been trained.
  private var hasTokens: Bool {
    manifest.files.contains { $0.name.hasPrefix(CheckpointRows.Kind.tokens.rawValue) }
  }

  /// Opens a file of the checkpoint, comparing its checksum before if asked to.
  func open(_ name: String, verifying: Bool) throws -> SafetensorsFile {
    let file = "\(path)/\(name)"
    guard let expected = manifest.files.first(where: { $0.name == name })?.crc32 else {
      throw InputError("\(path) has no \(name); use another checkpoint")
    }
    if verifying {
      let found = Self.hex(try CRC32.of(file: file))
      guard found == expected else {
        throw InputError("\(file) is damaged (checksum \(found), the manifest says \(expected)); use another checkpoint")
      }
    }
    return try SafetensorsFile(path: file)
  }
}
