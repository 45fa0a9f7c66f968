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
/// the manifest beside them and renames the folder. All calls but `advance` and `state` are collective.
/// docs/distributed.md, "Failing and resuming".
package final class CheckpointWriter {
  /// How numbers get from the model into files.
  package enum Mode: Sendable {
    /// From a copy, while training goes on.
    case asynchronous
    /// From the model itself: `begin` returns when the checkpoint is in place.
    case synchronous
  }

  /// How far the checkpoint is, as this rank knows without asking anybody.
  ///
  ///     idle ── begin ──▶ writing ── advance ──▶ written ── settle ──▶ placing ──▶ idle
  ///                                                │                     │
  ///      a rank could not write its files: idle ◀──┘                     └──▶ failed ── settle ──▶ idle
  ///
  /// `finish` goes from wherever it is to idle. From `begin` to the end of `written` all ranks are under way; only rank 0 is ever placing
  /// or failed, the others are idle meanwhile.
  package enum State: Sendable, Equatable {
    /// Nothing is to be done.
    case idle
    /// This rank has files to write still.
    case writing
    /// This rank's files are on the disk; those of others perhaps not.
    case written
    /// Every rank's files are, and rank 0 renames the folder on a thread of its own, or takes the memory for copies there.
    case placing
    /// The folder could not be renamed, which nobody has been told yet.
    case failed(String)

    /// Whether files are being written: the same on every rank.
    package var isUnderWay: Bool { self == .writing || self == .written }
  }

  /// What is written, from `begin` until no rank is behind.
  private struct UnderWay {
    let manifest: CheckpointManifest
    let whenInPlace: @Sendable () throws -> Void
    /// The folder that all write into; on rank 0.
    let folder: OutputFolder?
    let temporary: String
  }

  private let contents: CheckpointContents
  private let ranksOnHost: Int
  private let communicator: any Communicator
  private let queue = FileQueue()
  private let stream: RowStream
  private let copy = CheckpointCopy()
  private var tables: [CheckpointLayout.Kind: RowStream.Table] = [:]
  private var underWay: UnderWay?

  /// Prepares to write checkpoints of these contents, whose extents stay as they are.
  ///
  /// - Parameter ranksOnHost: how many ranks share this host's memory.
  package init(_ contents: CheckpointContents, ranksOnHost: Int, communicator: any Communicator) {
    self.contents = contents
    self.ranksOnHost = ranksOnHost
    self.communicator = communicator
    stream = RowStream(contents.model.items, communicator: communicator, queue: queue)
  }

  /// How far the checkpoint is.
  package var state: State {
    if underWay != nil { return stream.isDone && queue.isIdle ? .written : .writing }
    guard queue.isIdle else { return communicator.rank == 0 ? .placing : .idle }
    return queue.failure.map { .failed($0) } ?? .idle
  }

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
    precondition(underWay == nil, "memory is taken while a checkpoint is written")
    guard try canCopy() else { return }
    // Safe: a checkpoint is copied only when the queue is idle, so that nobody else touches the copy meanwhile.
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
    precondition(underWay == nil, "a checkpoint is begun before the last is finished")
    let (made, failure) = try makeFolder(path)
    if let failure { return failure }
    let temporary = try communicator.broadcast(made?.temporaryPath)
    try prepareTables()
    queue.reset()
    underWay = UnderWay(manifest: manifest, whenInPlace: whenInPlace, folder: made, temporary: temporary)
    if mode == .asynchronous { copy.take(contents, isFirstRank: communicator.rank == 0) }
    let sources = contents.kinds.compactMap { kind in
      tables[kind].map { (table: $0, blocks: mode == .asynchronous ? copy.blocks(kind) : contents.blocks(kind)) }
    }
    if communicator.rank == 0 { writeDense(mode, into: temporary) }
    stream.begin(sources, of: mode == .asynchronous ? copy : contents.model.items, folder: temporary)
    return mode == .asynchronous ? nil : try finish()
  }

  /// Moves this rank's part on by a slice, without waiting.
  package func advance() throws {
    if underWay != nil { try stream.advance() }
  }

  /// Begins to put the checkpoint in place, once no rank is behind; without waiting for anybody's disk.
  ///
  /// - Parameter isBehind: whether any rank was writing when the ranks last told each other.
  /// - Returns: why a rank could not write its files, or, on rank 0 alone, why the checkpoint could not be put in place; told once.
  package func settle(isBehind: Bool) throws -> String? {
    if state.isUnderWay && !isBehind, let failure = try close() { return failure }
    return takeFailure()
  }

  /// Waits until the checkpoint under way is in place on the disk.
  ///
  /// - Returns: why it is not; the same on every rank.
  package func finish() throws -> String? {
    if underWay != nil {
      var backoff = Backoff()
      while state == .writing {
        if try stream.advance() {
          backoff = Backoff()
        } else {
          try backoff.pause(communicator, on: Channels.checkpoints)
        }
      }
      if let failure = try close() { return failure }
    }
    queue.wait()
    return try communicator.firstText(takeFailure())
  }

  /// Gives up what is under way: its memory goes.
  deinit {
    queue.cancel()
    queue.wait()
  }

  // MARK: Parts

  /// From written to placing on rank 0, to idle on the others; returns why a rank could not write its files.
  private func close() throws -> String? {
    guard state == .written, let checkpoint = underWay else {
      preconditionFailure("a checkpoint is settled before its files are written")
    }
    underWay = nil
    let failure = try communicator.firstText(queue.failure)
    let files = try agreeOnFiles()
    guard failure == nil else {
      // Dropping the folder removes it.
      queue.reset()
      return failure
    }
    putInPlace(checkpoint, files)
    return nil
  }

  /// From failed to idle.
  private func takeFailure() -> String? {
    guard case .failed(let reason) = state else { return nil }
    queue.reset()
    return reason
  }

  /// Rank 0 makes the folder that all write into; or why it cannot.
  private func makeFolder(_ path: String) throws -> (OutputFolder?, failure: String?) {
    var (folder, failure): (OutputFolder?, String?) = (nil, nil)
    if communicator.rank == 0 {
      do {
        folder = try OutputFolder(path: path, kind: .init("a checkpoint", marker: CheckpointManifest.fileName), overwrite: true)
      } catch {
        failure = "\(error)"
      }
    }
    return (folder, try communicator.firstText(failure))
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

  private func writeDense(_ mode: Mode, into temporary: String) {
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

  private func putInPlace(_ checkpoint: UnderWay, _ files: [CheckpointManifest.File]) {
    guard let made = checkpoint.folder else { return }
    var manifest = checkpoint.manifest
    manifest.files = files
    manifest.vocabulary = contents.vocabulary
    // Safe: the writer has given it up, so that the job alone has it.
    nonisolated(unsafe) let folder = made
    queue.run { [manifest, whenInPlace = checkpoint.whenInPlace] in
      try manifest.write(to: folder.temporaryPath)
      try folder.commit()
      try whenInPlace()
    }
  }
}
