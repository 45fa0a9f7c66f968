package import Collectives
package import Files
package import Model
import Tensors

/// A model on disk: dense parameters and their moments, item rows with their optimizer's state, and token states once they have
/// been trained.
///
/// World-size-free: files hold fixed runs of the table's rows, whatever ranks wrote them (`CheckpointWriter`).
/// docs/distributed.md, "Failing and resuming".
package struct Checkpoint: Sendable {
  /// The folder.
  package let path: String
  /// What it says about itself.
  package let manifest: CheckpointManifest

  /// Opens a checkpoint's folder and reads its manifest.
  ///
  /// Throws `InputError` when it is none or not whole.
  package init(path: String) throws {
    self.path = path
    manifest = try CheckpointManifest(folder: path)
  }

  /// Reads every number that this rank holds into contents of the same extents; collective unless `isVerified`.
  ///
  /// With `match` the contents are of another data set: what both have is read, and what is new to the checkpoint starts as
  /// `NewRows` says. Throws `InputError` naming the file and tensor that do not fit.
  ///
  /// - Parameters:
  ///   - match: which items of the checkpoint are which of the contents'; nil = they are the same; collective otherwise.
  ///   - isVerified: whether somebody has just compared all checksums; if not, the ranks share the files among them.
  ///   - checkStop: asked between files; throws when loading is to end.
  package func load(
    into contents: CheckpointContents, matching match: ItemMatch? = nil, communicator: any Communicator, isVerified: Bool = false,
    checkStop: () throws -> Void = {}
  ) throws {
    if !isVerified { try verify(sharedBy: communicator) }
    try loadDense(contents) { match == nil ? nil : contents.vocabulary.sources(of: $0, in: manifest.vocabulary) }
    let indices =
      match.map { RowIndices($0, rows: manifest.items) }
      ?? RowIndices(of: contents.model.items.partition, rank: communicator.rank)
    for kind in CheckpointLayout.Kind.allCases where kind == .items || has(kind) {
      try CheckpointRows(kind, contents, indices).load(from: self, checkStop: checkStop)
    }
    if let match { try NewRows(match, contents.model.items).start(from: self, communicator: communicator, checkStop: checkStop) }
  }

  /// Finds the items of the checkpoint in contents of another data set; collective.
  ///
  /// Throws `InputError` when the checkpoint's files do not fit together.
  package func match(
    _ contents: CheckpointContents, communicator: any Communicator, checkStop: () throws -> Void = {}
  ) throws -> ItemMatch {
    try ItemMatch(self, contents, communicator: communicator, checkStop: checkStop)
  }

  /// Reads the numbers of a phase's result into a model that is only read; collective.
  ///
  /// Throws `InputError` naming the file and tensor that do not fit, and what may be done about it.
  ///
  /// - Parameter isSameData: whether the contents are of the data set that the checkpoint is of; if not, items are found again by
  ///   their keys, and those that it lacks start as `NewRows` says.
  package func loadResult(
    into contents: CheckpointContents, isSameData: Bool = true, communicator: any Communicator,
    checkStop: () throws -> Void = {}
  ) throws {
    try verifyResult(sharedBy: communicator)
    let match = isSameData ? nil : try match(contents, communicator: communicator, checkStop: checkStop)
    try load(into: contents, matching: match, communicator: communicator, isVerified: true, checkStop: checkStop)
  }

  /// Throws `InputError` when the token states of a data set are not those that the model was trained on.
  ///
  /// - Parameter fits: whether the states of the checkpoint (first) and of the data set fit together.
  package func checkEncoding(
    _ now: CheckpointVocabulary, by fits: (CheckpointVocabulary.Encoding, CheckpointVocabulary.Encoding) -> Bool
  ) throws {
    let (then, now) = (manifest.vocabulary.encoding, now.encoding)
    if let then, let now, fits(then, now) { return }
    if then == nil && now == nil { return }
    func text(_ encoding: CheckpointVocabulary.Encoding?, otherThan other: CheckpointVocabulary.Encoding?) -> String {
      guard let encoding else { return "none" }
      let isOtherKind = other.map { !$0.isSameKind(as: encoding) } ?? true
      return isOtherKind ? "\(encoding)" : "\(encoding), checksum \(encoding.checksum ?? "unknown")"
    }
    throw InputError(
      "\(path) was trained on other token states (\(text(then, otherThan: now))) than the data set has "
        + "(\(text(now, otherThan: then))); encode the data set in the same way")
  }

  /// Does what `verify(sharedBy:)` does with a phase's result, and says what may be done about a damaged one; collective.
  ///
  /// Throws `InputError` on every rank.
  package func verifyResult(sharedBy communicator: any Communicator) throws {
    do {
      try verify(sharedBy: communicator)
    } catch let error as InputError {
      throw InputError("\(error); moving \(path) away makes the next best the phase's result")
    }
  }

  /// Compares the checksums of this rank's share of the files, looks for NaN in them, and agrees; collective.
  ///
  /// Throws `InputError` on every rank, naming the first file that is missing or damaged.
  package func verify(sharedBy communicator: any Communicator) throws {
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
  package func verify() throws {
    for file in manifest.files { try verify(file) }
  }

  /// The text of the configuration it was trained with.
  ///
  /// Throws `InputError` when it is missing or damaged.
  package func configuration() throws -> String {
    guard let file = manifest.files.first(where: { $0.name == CheckpointManifest.configuration }) else {
      throw InputError("\(path) has no \(CheckpointManifest.configuration); use another checkpoint")
    }
    try verify(file)
    return try MappedFile(path: "\(path)/\(file.name)").withBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Opens a file of the checkpoint.
  ///
  /// Throws `InputError` when the manifest does not list it, or when it is no such file.
  package func open(_ name: String) throws -> SafetensorsFile {
    guard manifest.files.contains(where: { $0.name == name }) else {
      throw InputError("\(path) has no \(name); use another checkpoint")
    }
    return try SafetensorsFile(path: "\(path)/\(name)")
  }

  /// The same checkpoint with another score: what a later evaluation found; written by one rank.
  ///
  /// Throws `InputError` when the manifest cannot be written; the old one then stays.
  package func evaluated(by metric: String?, score: Double?) throws -> Checkpoint {
    var manifest = manifest
    (manifest.isEvaluated, manifest.selectedBy, manifest.score) = (true, metric, score)
    try manifest.write(to: path)
    return try Checkpoint(path: path)
  }

  /// The same checkpoint with the blend that was fitted to it; written by one rank.
  ///
  /// Throws `InputError` when the manifest cannot be written; the old one then stays.
  package func blended(_ blend: Blend) throws -> Checkpoint {
    var manifest = manifest
    manifest.blend = blend
    try manifest.write(to: path)
    return try Checkpoint(path: path)
  }

  /// Whether there are files of a kind: of token states, once they have been trained.
  func has(_ kind: CheckpointLayout.Kind) -> Bool {
    manifest.files.contains { $0.name == CheckpointLayout.name(kind, 0) }
  }

  /// Opens the files of a kind one after the other, which together must hold so many rows.
  func forEachFile(
    _ kind: CheckpointLayout.Kind, rows: Int, _ checkStop: () throws -> Void,
    _ body: (Range<Int>, SafetensorsFile) throws -> Void
  ) throws {
    var next = 0
    for file in manifest.files where file.name.hasPrefix("\(kind.rawValue)-") {
      try checkStop()
      guard let held = file.rows, held.count == 2, held[0] == next, held[1] >= next, held[1] <= rows else {
        throw InputError("\(path): the rows of \(file.name) do not follow those before; use another checkpoint")
      }
      next = held[1]
      try body(held[0]..<held[1], try open(file.name))
    }
    guard next == rows else { throw InputError("\(path) has \(kind.rawValue) of \(next) rows, the model has \(rows)") }
  }

  private func loadDense(_ contents: CheckpointContents, _ sources: (Parameter) -> [Int?]?) throws {
    let parameters = contents.model.parameters
    let dense = try open(CheckpointManifest.dense)
    for parameter in parameters.parameters {
      try Self.copy(dense, parameter.name, parameter, into: parameters.values, sources(parameter))
    }
    guard let optimizer = contents.optimizer else { return }
    let moments = try open(CheckpointManifest.optimizer)
    for (name, target) in zip(CheckpointManifest.moments, [optimizer.firstMoments, optimizer.secondMoments]) {
      for parameter in parameters.parameters {
        try Self.copy(moments, "\(parameter.name).\(name)", parameter, into: target, sources(parameter))
      }
    }
    optimizer.updates = manifest.updates
  }

  /// Copies a tensor to where a parameter stands in a flat buffer; with `sources`, row by row.
  private static func copy(
    _ file: SafetensorsFile, _ name: String, _ parameter: Parameter, into flat: Vector, _ sources: [Int?]?
  ) throws {
    let (target, columns) = (flat.base + parameter.offset, parameter.value.columns)
    let shape: [Int?] = sources == nil ? parameter.shape : [nil, columns]
    try file.withValues(name, as: Float.self, .f32, shape: shape) { values in
      guard let base = values.baseAddress else { return }
      guard let sources else { return target.update(from: base, count: values.count) }
      for (row, source) in sources.enumerated() {
        guard let source, (source + 1) * columns <= values.count else { continue }
        (target + row * columns).update(from: base + source * columns, count: columns)
      }
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
