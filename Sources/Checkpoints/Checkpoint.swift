public import Collectives
public import Files
import Items
import Model
import Optimizers
import Tensors

/// A model on disk: dense parameters and their moments, item rows with their optimizer's state, and token states once they have
/// been trained.
///
/// World-size-free: files hold fixed runs of the table's rows, whatever ranks wrote them (`CheckpointWriter`).
/// docs/distributed.md, "Failing and resuming".
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
    manifest = try CheckpointManifest(folder: path)
  }

  /// Reads every number that this rank holds into contents of the same extents; collective unless `isVerified`.
  ///
  /// Throws `InputError` naming the file and tensor that do not fit.
  ///
  /// - Parameters:
  ///   - isVerified: whether somebody has just compared all checksums; if not, the ranks share the files among them.
  ///   - mayGoOn: asked between files; throws when loading is to end.
  public func load(
    into contents: CheckpointContents, communicator: any Communicator, isVerified: Bool = false,
    mayGoOn: () throws -> Void = {}
  ) throws {
    if !isVerified { try verify(sharedBy: communicator) }
    try loadDense(contents)
    for kind in CheckpointLayout.Kind.allCases where kind == .items || has(kind) {
      try CheckpointRows(kind, contents, communicator: communicator).load(from: self, mayGoOn: mayGoOn)
    }
  }

  /// Compares the checksums of this rank's share of the files, looks for NaN in them, and agrees; collective.
  ///
  /// Throws `InputError` on every rank, naming the first file that is missing or damaged.
  public func verify(sharedBy communicator: any Communicator) throws {
    var failure: String?
    for (number, file) in manifest.files.enumerated() where number % communicator.size == communicator.rank {
      do {
        try verify(file)
      } catch {
        failure = failure ?? "\(error)"
      }
    }
    if let failure = try communicator.firstText(failure) { throw InputError(failure) }
  }

  /// Compares every file's checksum with the manifest's, and looks for NaN and infinity.
  ///
  /// Throws `InputError` naming the first file that is missing or damaged.
  public func verify() throws {
    for file in manifest.files { try verify(file) }
  }

  /// The text of the configuration it was trained with.
  ///
  /// Throws `InputError` when it is missing or damaged.
  public func configuration() throws -> String {
    guard let file = manifest.files.first(where: { $0.name == CheckpointManifest.configuration }) else {
      throw InputError("\(path) has no \(CheckpointManifest.configuration); use another checkpoint")
    }
    try verify(file)
    return try MappedFile(path: "\(path)/\(file.name)").withBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Opens a file of the checkpoint.
  ///
  /// Throws `InputError` when the manifest does not list it, or when it is no such file.
  public func open(_ name: String) throws -> SafetensorsFile {
    guard manifest.files.contains(where: { $0.name == name }) else {
      throw InputError("\(path) has no \(name); use another checkpoint")
    }
    return try SafetensorsFile(path: "\(path)/\(name)")
  }

  /// The same checkpoint with another score: what a later evaluation found; written by one rank.
  ///
  /// Throws `InputError` when the manifest cannot be written; the old one then stays.
  public func judged(by metric: String?, score: Double?) throws -> Checkpoint {
    var manifest = manifest
    (manifest.isJudged, manifest.selectedBy, manifest.score) = (true, metric, score)
    try manifest.write(to: path)
    return try Checkpoint(path: path)
  }

  /// Whether there are files of a kind: of token states, once they have been trained.
  func has(_ kind: CheckpointLayout.Kind) -> Bool {
    manifest.files.contains { $0.name == CheckpointLayout.name(kind, 0) }
  }

  private func loadDense(_ contents: CheckpointContents) throws {
    let parameters = contents.model.parameters
    let dense = try open(CheckpointManifest.dense)
    for parameter in parameters.parameters {
      try Self.copy(dense, parameter.name, parameter, into: parameters.values)
    }
    guard let optimizer = contents.optimizer else { return }
    let moments = try open(CheckpointManifest.optimizer)
    for (name, target) in zip(CheckpointManifest.moments, [optimizer.firstMoments, optimizer.secondMoments]) {
      for parameter in parameters.parameters { try Self.copy(moments, "\(parameter.name).\(name)", parameter, into: target) }
    }
    optimizer.updates = manifest.updates
  }

  /// Copies a tensor to where a parameter stands in a flat buffer.
  private static func copy(_ file: SafetensorsFile, _ name: String, _ parameter: Parameter, into flat: Vector) throws {
    try file.withValues(name, as: Float.self, .f32, shape: parameter.shape) { values in
      if let base = values.baseAddress { (flat.base + parameter.offset).update(from: base, count: values.count) }
    }
  }

  private func verify(_ file: CheckpointManifest.File) throws {
    let name = "\(path)/\(file.name)"
    let found = CheckpointManifest.hex(try CRC32.of(file: name))
    guard found == file.crc32 else {
      throw InputError("\(name) is damaged (checksum \(found), the manifest says \(file.crc32)); use another checkpoint")
    }
    guard name.hasSuffix(".safetensors") else { return }
    do {
      try SafetensorsFile(path: name).checkFinite()
    } catch let error as InputError {
      throw InputError("\(error); use another checkpoint")
    }
  }
}
