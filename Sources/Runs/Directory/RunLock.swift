import Files
import Foundation
import Host

/// The lock of a run directory: one job trains into it at a time, on whatever host.
///
/// Rank 0 of a training holds it from before the first look at the folder's contents to its end; the system frees it when the process
/// ends, however it ends. Who only reads a run does not ask for it. Ours; docs/reliability.md, "One job, one run directory".
package final class RunLock: Sendable {
  /// Who holds a run, as the lock's file says.
  struct Holder: Codable {
    let host: String
    let process: Int32
    /// When it began, in ISO 8601.
    let started: String
  }

  /// The file's name in a run directory.
  static let fileName = "train.lock"

  /// Why the run is not locked; nil when it is.
  package let warning: String?
  private let directory: RunDirectory
  private let lock: FileLock?

  /// Locks a run directory, which must be there.
  ///
  /// Where the file system has no locks the run goes on with a warning. Throws `InputError` naming the holder when there is one, or when
  /// the lock's file cannot be opened.
  package init(_ directory: RunDirectory) throws {
    self.directory = directory
    let path = "\(directory.path)/\(Self.fileName)"
    do {
      lock = try Self.lock(path)
      warning = nil
    } catch .held {
      throw InputError("\(directory.path) is being trained by \(Self.holder(path)); wait for it, stop it, or give another --out")
    } catch .closed(let reason) {
      throw InputError(
        "\(path) cannot be opened (\(reason)), so nobody knows who trains there; give an --out that you may write to")
    } catch .impossible(let reason) {
      lock = nil
      warning = "\(directory.path) cannot be locked (\(reason)): see to it that no other job trains into it"
      return
    }
    let now = ISO8601DateFormatter().string(from: Date())
    let holder = Holder(host: Machine.host, process: getpid(), started: now)
    if let bytes = try? RecordCoding.encode(holder, layout: .line) { lock?.write(bytes + Data("\n".utf8)) }
  }

  /// Whether the folder that was locked still stands under the run's name: it may be removed, or its disk unmounted, while a job writes
  /// into it, and another may stand there then.
  ///
  /// Where the system cannot say, it does.
  package var isInPlace: Bool {
    let path = "\(directory.path)/\(Self.fileName)"
    guard let lock else { return access(path, F_OK) == 0 || !FileLock.means(absent: errno) }
    return lock.stands(at: path) ?? true
  }

  /// Throws `InputError` when the folder is not there any more; to be asked before anything is made in it by its name.
  package func checkInPlace() throws {
    guard !isInPlace else { return }
    throw InputError(
      "\(directory.path) was removed, moved or unmounted while it was trained into (its \(Self.fileName) is gone): nothing more is "
        + "written there; put it back and go on with --resume, or train again")
  }

  /// Whether some job holds a run directory just now; nil where nobody can tell.
  package static func isHeld(_ directory: RunDirectory) -> Bool? { FileLock.isHeld("\(directory.path)/\(fileName)") }

  /// The lock; who only looks whether it is held has it for a moment, so it is tried for a quarter of a second.
  private static func lock(_ path: String) throws(FileLock.Refusal) -> FileLock {
    for _ in 0..<5 {
      do {
        return try FileLock(path: path, waits: false)
      } catch .held {
        usleep(50_000)
      }
    }
    return try FileLock(path: path, waits: false)
  }

  /// Who holds a run directory's lock, in a few words.
  package static func holder(of directory: RunDirectory) -> String { holder("\(directory.path)/\(fileName)") }

  /// Who holds the lock; asked again for a second, because a holder writes its name right after it has got it.
  private static func holder(_ path: String) -> String {
    for _ in 0..<20 {
      if let bytes = try? SmallFile.read(path), let holder = try? RecordCoding.decode(Holder.self, from: bytes),
        isAlive(holder)
      {
        return "process \(holder.process) on \(holder.host) since \(holder.started)"
      }
      usleep(50_000)
    }
    return "another job"
  }

  /// Whether a holder may be the one of now and not an earlier one whose name still stands there; only its own host can tell.
  private static func isAlive(_ holder: Holder) -> Bool {
    holder.host != Machine.host || kill(holder.process, 0) == 0 || errno == EPERM
  }
}
