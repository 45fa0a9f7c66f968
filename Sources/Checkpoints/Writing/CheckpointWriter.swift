package import Collectives
import Files
import Foundation
import Host
import Model
import Tensors

/// Writes a phase's checkpoints, whole or not at all, while training goes on or before it does.
///
/// A rank's part: a copy of its numbers, then, little by little whenever training calls `advance`, the exchange that brings rows to the
/// ranks that write them; a thread of its own writes and flushes the files. When every rank has written its files, rank 0 puts
/// the manifest beside them and renames the folder. All calls but `advance`, `isBehind` and `takeFailure` are collective.
/// docs/distributed.md, "Failing and resuming".
package final class CheckpointWriter {
  /// How numbers get from the model into files.
  package enum Mode: Sendable {
    /// From a copy, while training goes on.
    case asynchronous
    /// From the model itself: `begin` returns when the checkpoint is in place.
    case synchronous
  }

  /// Whether a checkpoint is being written.
  package private(set) var isUnderWay = false
  private let contents: CheckpointContents
  private let ranksOnHost: Int
  private let communicator: any Communicator
  private let queue = FileQueue()
  private let stream: RowStream
  private let copy = CheckpointCopy()
  private var tables: [CheckpointLayout.Kind: RowStream.Table] = [:]
  private var manifest: CheckpointManifest?
  private var whenInPlace: (@Sendable () throws -> Void)?
  private var folder: OutputFolder?
  private var temporary = ""

  /// Prepares to write checkpoints of these contents, whose extents stay as they are.
  ///
  /// - Parameter ranksOnHost: how many ranks share this host's memory.
  package init(_ contents: CheckpointContents, ranksOnHost: Int, communicator: any Communicator) {
    self.contents = contents
    self.ranksOnHost = ranksOnHost
    self.communicator = communicator
    stream = RowStream(contents.model.items, communicator: communicator, queue: queue)
  }

  /// Whether this rank has still to write files of the checkpoint under way; known without asking anybody.
  package var isBehind: Bool { isUnderWay && !(stream.isDone && queue.isIdle) }

  /// Whether every rank has memory for the copy that an asynchronous checkpoint needs.
  package func canCopy(available: Int = Machine.memory) throws -> Bool {
    let missing = copy.missingBytes(contents, isFirstRank: communicator.rank == 0)
    // A tenth stays free: other memory grows too.
    return try communicator.sum([missing * ranksOnHost > available / 10 * 9 ? 1 : 0])[0] == 0
  }

  /// Takes the memory for asynchronous checkpoints of what there is now, beside training: a first copy into memory without pages
  /// would take ten times as long as the later ones.
  ///
  /// Collective; nothing happens where memory is short.
  package func prepareToCopy() throws {
    precondition(!isUnderWay, "memory is taken while a checkpoint is written")
    guard try canCopy() else { return }
    nonisolated(unsafe) let storages = copy.reserve(contents)
    queue.run { for storage in storages { storage.populate() } }
  }

  /// Starts a checkpoint at `path`, once the one before is finished.
  ///
  /// - Parameter whenInPlace: called on rank 0, on a thread of its own, once the checkpoint is in place.
  /// - Returns: why it could not be written; nil when all is well so far.
  package func begin(
    _ manifest: CheckpointManifest, at path: String, mode: Mode, whenInPlace: @escaping @Sendable () throws -> Void = {}
  ) throws -> String? {
    precondition(!isUnderWay, "a checkpoint is begun before the last is finished")
    if let failure = try makeFolder(path) { return failure }
    try prepareTables()
    self.manifest = manifest
    self.whenInPlace = whenInPlace
    queue.reset()
    isUnderWay = true
    if mode == .asynchronous { copy.take(contents, isFirstRank: communicator.rank == 0) }
    let sources = contents.kinds.compactMap { kind in
      tables[kind].map { (table: $0, blocks: mode == .asynchronous ? copy.blocks(kind) : contents.blocks(kind)) }
    }
    if communicator.rank == 0 { writeDense(mode) }
    stream.begin(sources, of: mode == .asynchronous ? copy : contents.model.items, folder: temporary)
    return mode == .asynchronous ? nil : try finish()
  }

  /// Moves this rank's part on by a slice, without waiting.
  package func advance() throws {
    if isUnderWay { try stream.advance() }
  }

  /// Puts the checkpoint in place, once no rank is behind.
  ///
  /// Rank 0's renaming goes on in the background.
  ///
  /// - Returns: why a rank could not write its files; nil when all could.
  package func settle() throws -> String? {
    precondition(isUnderWay && !isBehind, "a checkpoint is settled before its files are written")
    isUnderWay = false
    let failure = try communicator.firstText(queue.failure)
    let files = try agreeOnFiles()
    defer { folder = nil }
    guard failure == nil else {
      // Dropping the folder removes it.
      queue.reset()
      return failure
    }
    if communicator.rank == 0, let folder { putInPlace(folder, files) }
    return nil
  }

  /// Waits until the checkpoint under way is in place on the disk.
  ///
  /// - Returns: why it is not; the same on every rank.
  package func finish() throws -> String? {
    if isUnderWay {
      var backoff = Backoff(on: Channels.checkpoints)
      while isBehind {
        if try stream.advance() {
          backoff = Backoff(on: Channels.checkpoints)
        } else {
          try backoff.pause(communicator)
        }
      }
      if let failure = try settle() { return failure }
    }
    queue.wait()
    return try communicator.firstText(takeFailure())
  }

  /// Why the last checkpoint could not be put in place, told once; known on rank 0.
  package func takeFailure() -> String? {
    guard !isUnderWay, queue.isIdle, let failure = queue.failure else { return nil }
    queue.reset()
    return failure
  }

  /// Gives up what is under way: its memory goes.
  deinit {
    queue.cancel()
    queue.wait()
  }

  // MARK: Parts

  /// Rank 0 makes the folder that all write into; returns why it cannot.
  private func makeFolder(_ path: String) throws -> String? {
    var failure: String?
    if communicator.rank == 0 {
      do {
        folder = try OutputFolder(path: path, kind: .init("a checkpoint", marker: CheckpointManifest.fileName), overwrite: true)
      } catch {
        failure = "\(error)"
      }
    }
    if let failure = try communicator.firstText(failure) { return failure }
    temporary = try communicator.broadcast(folder?.temporaryPath)
    return nil
  }

  /// Finds out once what every checkpoint of the phase has in common.
  private func prepareTables() throws {
    for kind in contents.kinds where tables[kind] == nil {
      let layout = CheckpointLayout(kind, contents.model.items)
      let own = stride(from: communicator.rank, to: layout.files.count, by: communicator.size)
      if kind == .items {
        let keys = own.map { ($0, layout.files[$0].map { Int64(bitPattern: contents.itemKey($0)) }) }
        tables[kind] = .init(layout: layout, keys: Dictionary(uniqueKeysWithValues: keys), tokenCounts: [:])
      } else {
        tables[kind] = .init(layout: layout, keys: [:], tokenCounts: try tokenCounts(layout))
      }
    }
  }

  /// The number of tokens of each row of this rank's files, by file.
  private func tokenCounts(_ layout: CheckpointLayout) throws -> [Int: [Int32]] {
    let items = contents.model.items
    let local = Storage<Int32>(count: items.ids.rows)
    for row in 0..<local.count { local.base[row] = Int32(items.tokens.tokens(of: row).count) }
    let lines = RowGatherer.Lines(base: local.base, owner: local, bytes: 4, ofLocalRows: { $0 }, count: { _ in 1 })
    let (gatherer, ordered) = (RowGatherer(items.partition, communicator: communicator), NumberList<UInt8>())
    var counts: [Int: [Int32]] = [:]
    for first in stride(from: 0, to: layout.files.count, by: communicator.size) {
      let runs = (0..<communicator.size).map { first + $0 < layout.files.count ? layout.files[first + $0] : 0..<0 }
      try gatherer.start(lines, runs)
      try communicator.wait(Channels.checkpoints)
      guard
        let bytes = try gatherer.poll({ UnsafeMutableRawPointer(ordered.resize(to: max($0, 4)).baseAddress!) })
      else { preconditionFailure("rows that have come are not there") }
      counts[first + communicator.rank] = Array(bytes.bindMemory(to: Int32.self))
    }
    return counts
  }

  private func writeDense(_ mode: Mode) {
    let parameters = contents.model.parameters
    guard let optimizer = contents.optimizer else { preconditionFailure("a checkpoint without the optimizer's moments") }
    var flat = [parameters.values.base, optimizer.firstMoments.base, optimizer.secondMoments.base]
    if mode == .asynchronous { flat = (0..<3).map { copy.dense.base + $0 * parameters.values.count } }
    queue.open("\(temporary)/\(CheckpointManifest.dense)", parameters.parameters.map { TensorSpec($0.name, .f32, $0.shape) })
    for parameter in parameters.parameters { append(flat[0], parameter) }
    queue.close(CheckpointManifest.dense)
    let moments = CheckpointManifest.moments.flatMap { name in
      parameters.parameters.map { TensorSpec("\($0.name).\(name)", .f32, $0.shape) }
    }
    queue.open("\(temporary)/\(CheckpointManifest.optimizer)", moments)
    for index in 1...2 {
      for parameter in parameters.parameters { append(flat[index], parameter) }
    }
    queue.close(CheckpointManifest.optimizer)
    let (path, text) = ("\(temporary)/\(CheckpointManifest.configuration)", contents.configuration)
    queue.run {
      var file = try AtomicFile(path: path)
      try file.write(text)
      try file.commit()
    }
  }

  private func append(_ flat: UnsafePointer<Float>, _ parameter: Parameter) {
    queue.append(UnsafeRawBufferPointer(UnsafeBufferPointer(start: flat + parameter.offset, count: parameter.count)))
  }

  /// Every file with its checksum, from the ranks that have written them.
  private func agreeOnFiles() throws -> [CheckpointManifest.File] {
    var files = [CheckpointManifest.dense, CheckpointManifest.optimizer].map { CheckpointManifest.File(name: $0, crc32: "") }
    for kind in contents.kinds {
      guard let layout = tables[kind]?.layout else { continue }
      files += layout.files.enumerated().map {
        .init(name: layout.name($0), crc32: "", rows: [$1.lowerBound, $1.upperBound])
      }
    }
    let own = queue.checksums
    let checksums = try communicator.sum(files.map { Double(own[$0.name] ?? 0) })
    for (index, checksum) in checksums.enumerated() { files[index].crc32 = CheckpointManifest.hex(UInt32(checksum)) }
    if communicator.rank == 0 {
      let text = Array(contents.configuration.utf8)
      let checksum = text.withUnsafeBytes { CRC32.of($0) }
      files.append(.init(name: CheckpointManifest.configuration, crc32: CheckpointManifest.hex(checksum)))
    }
    return files
  }

  private func putInPlace(_ folder: OutputFolder, _ files: [CheckpointManifest.File]) {
    guard var manifest, let whenInPlace else { return }
    manifest.files = files
    manifest.vocabulary = contents.vocabulary
    nonisolated(unsafe) let folder = folder
    queue.run { [manifest] in
      try manifest.write(to: folder.temporaryPath)
      try folder.commit()
      try whenInPlace()
    }
  }
}
