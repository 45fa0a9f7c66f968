import Files
import Foundation
import Items
public import Model
import Tensors

/// A model on disk: dense parameters, item rows with their optimizer state, and token states once they have been trained.
///
/// World-size-free: tensors stand in the order of the table, not of ranks. Files are written in a folder of a temporary name
/// that is renamed when all of them are on disk. docs/distributed.md, "Failing and resuming".
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

  /// Writes a model of one rank under `path`, whole or not at all.
  public static func write(_ model: PreciseModel, _ manifest: CheckpointManifest, to path: String) throws -> Checkpoint {
    let folder = try OutputFolder(
      path: path, kind: .init("a checkpoint", marker: CheckpointManifest.fileName), overwrite: true)
    let temporary = folder.temporaryPath
    var manifest = manifest
    manifest.files = try [
      .init(name: "dense.safetensors", crc32: writeDense(model, "\(temporary)/dense.safetensors")),
      .init(name: "items.safetensors", crc32: writeItems(model.items, "\(temporary)/items.safetensors")),
    ]
    if model.items.tokenOptimizer != nil {
      let crc = try writeTokens(model.items, "\(temporary)/tokens.safetensors")
      manifest.files.append(.init(name: "tokens.safetensors", crc32: crc))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try RunDirectory.write(try encoder.encode(manifest), to: "\(temporary)/\(CheckpointManifest.fileName)")
    try folder.commit()
    return try Checkpoint(path: path)
  }

  private static func writeDense(_ model: PreciseModel, _ path: String) throws -> String {
    let parameters = model.parameters.parameters
    var writer = try SafetensorsWriter(path: path, tensors: parameters.map { TensorSpec($0.name, .f32, $0.shape) })
    for parameter in parameters { try writer.write(UnsafeBufferPointer(parameter.vector.buffer)) }
    return hex(try writer.finish())
  }

  private static func writeItems(_ items: ItemTable, _ path: String) throws -> String {
    let blocks = [("ids", StoredRows(items.ids))] + items.idOptimizer.states.map { ("ids.\($0.name)", StoredRows($0.values)) }
    return try write(blocks, path)
  }

  private static func writeTokens(_ items: ItemTable, _ path: String) throws -> String {
    let states = items.tokenOptimizer?.states ?? []
    // Wider elements first, which keeps every tensor aligned.
    return try write(states.map { ("states.\($0.name)", StoredRows($0.values)) } + [("states", items.tokens.states)], path)
  }

  private static func write(_ blocks: [(String, StoredRows)], _ path: String) throws -> String {
    var writer = try SafetensorsWriter(path: path, tensors: blocks.map { $0.1.tensor($0.0) })
    for (_, rows) in blocks { try writer.append(UnsafeRawBufferPointer(rows.bytes)) }
    return hex(try writer.finish())
  }

  private static func hex(_ value: UInt32) -> String { String(format: "%08x", value) }

  // MARK: Read

  /// Reads every number into a model of the same extents.
  ///
  /// Throws `InputError` naming the file and tensor that do not fit.
  public func load(into model: PreciseModel) throws {
    let dense = try open("dense.safetensors")
    for parameter in model.parameters.parameters {
      try copy(dense, parameter.name, parameter.shape, into: parameter.vector.buffer)
    }
    let items = try open("items.safetensors")
    try copy(items, "ids", model.items.ids)
    for state in model.items.idOptimizer.states { try copy(items, "ids.\(state.name)", state.values) }
    guard manifest.files.contains(where: { $0.name == "tokens.safetensors" }) else { return }
    let tokens = try open("tokens.safetensors")
    try tokens.read("states", into: model.items.tokens.states)
    for state in model.items.tokenOptimizerState().states { try copy(tokens, "states.\(state.name)", state.values) }
  }

  /// Opens a file of the checkpoint after comparing its checksum.
  private func open(_ name: String) throws -> SafetensorsFile {
    let file = "\(path)/\(name)"
    guard let expected = manifest.files.first(where: { $0.name == name })?.crc32 else {
      throw InputError("\(path) has no \(name); use another checkpoint")
    }
    let found = Self.hex(try CRC32.of(file: file))
    guard found == expected else {
      throw InputError("\(file) is damaged (checksum \(found), the manifest says \(expected)); use another checkpoint")
    }
    return try SafetensorsFile(path: file)
  }

  private func copy(_ file: SafetensorsFile, _ name: String, _ target: Matrix) throws {
    try copy(file, name, [target.rows, target.columns], into: target.buffer)
  }

  private func copy(
    _ file: SafetensorsFile, _ name: String, _ shape: [Int], into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    try file.withValues(name, as: Float.self, .f32, shape: shape) { values in
      guard let base = values.baseAddress else { return }
      target.baseAddress?.update(from: base, count: target.count)
    }
  }
}
