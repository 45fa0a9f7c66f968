import Dispatch
import Files
import Glibc
import Synchronization

/// Writes safetensors files one behind the other on a thread of its own, so that a rank goes on training meanwhile.
///
/// Jobs are done in order. After the first failure the others are dropped, and `failure` has its sentence.
final class FileQueue: Sendable {
  private let queue = DispatchQueue(label: "checkpoint files")
  private let state = Mutex(State())
  private let waiting = Atomic<Int>(0)
  private let file = OpenFile()

  /// Puts a job behind the others.
  func run(_ job: @escaping @Sendable () throws -> Void) {
    waiting.add(1, ordering: .acquiringAndReleasing)
    queue.async { [self] in
      do {
        if failure == nil { try job() }
      } catch {
        state.withLock { $0.failure = "\(error)" }
      }
      waiting.subtract(1, ordering: .acquiringAndReleasing)
    }
  }

  /// A file of so many bytes is written past the page cache; smaller ones are no work, and may be read again while they are there.
  private static let largeBytes = 16 << 20

  /// Starts a file.
  func open(_ path: String, _ tensors: [TensorSpec]) {
    let isLarge = tensors.reduce(0) { $0 + $1.byteCount } >= Self.largeBytes
    run { [self] in file.writer = try SafetensorsWriter(path: path, tensors: tensors, bypassesCache: isLarge) }
  }

  /// Adds bytes to the file; they must stay as they are until `done` is called, which it is in any case.
  func append(_ bytes: UnsafeRawBufferPointer, done: @escaping @Sendable () -> Void = {}) {
    // Safe: by the promise above, nobody writes to them until the job is done.
    nonisolated(unsafe) let bytes = bytes
    run { [self] in try file.writer?.append(bytes) }
    queue.async(execute: done)
  }

  /// Adds numbers to the file; for jobs.
  func write<Number: BitwiseCopyable>(_ numbers: [Number]) throws { try file.writer?.write(numbers) }

  /// Ends the file, and notes its checksum under a name.
  func close(_ name: String) {
    run { [self] in
      guard let checksum = try file.writer.take()?.finish() else { return }
      state.withLock { $0.checksums[name] = checksum }
    }
  }

  /// Whether everything is done.
  var isIdle: Bool { waiting.load(ordering: .acquiring) == 0 }

  /// Waits until everything is done.
  func wait() { queue.sync {} }

  /// Why a job has failed.
  var failure: String? { state.withLock { $0.failure } }

  /// The checksums of the files ended so far.
  var checksums: [String: UInt32] { state.withLock { $0.checksums } }

  /// Drops the jobs that have not begun.
  func cancel() { state.withLock { $0.failure = $0.failure ?? "given up" } }

  /// Forgets files and failures; only when idle.
  func reset() {
    precondition(isIdle, "files are being written")
    queue.sync { file.writer = nil }
    state.withLock { $0 = State() }
  }

  private struct State {
    var failure: String?
    var checksums: [String: UInt32] = [:]
  }

  /// The file being written.
  private final class OpenFile: @unchecked Sendable {
    // Unchecked: only jobs touch it, and the queue does one at a time.
    var writer: SafetensorsWriter?
  }
}
