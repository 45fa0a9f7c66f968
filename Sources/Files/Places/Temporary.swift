import CHost
import Foundation
import Glibc
import Synchronization

/// A hidden file or folder beside an output's final name, in which the output is made.
///
/// Ours. Its name says that it is this program's; a lock says that its owner lives, and the system lets go of that however a process
/// ends, on whatever host and in whatever container. So whoever writes the same output next can remove what is abandoned and nothing
/// else. The lock is on the file itself, and for a folder on a file beside it, because folders have no locks on NFS. A signal that ends
/// the process removes it too (`StopCleanup`).
final class Temporary {
  /// The path of the file or folder.
  let path: String
  /// The file whose lock says that the owner lives; a file's own.
  private let lockPath: String
  /// Open for writing when it is a file.
  let descriptor: Int32
  // MARK: What was abandoned

  /// The end of the name of a file, and of a folder's lock.
  static let suffix = ".precise-tmp"
  /// The end of a folder's name.
  static let folderSuffix = ".precise-tmp-folder"
  /// The end of the name under which a folder stands aside while another takes its place, where that takes two steps.
  static let asideSuffix = ".precise-old"
  /// The end of the name of what is being removed.
  static let removedSuffix = ".removed"

  private static let digits = 13
  // MARK: Signals

  /// What this process is making.
  private static let registry = Mutex<Set<String>>([])

  /// Makes an empty file; nil, with `errno`, when the system refuses.
  static func file(for name: String, in folder: String) -> Temporary? {
    removeAbandoned(of: name, in: folder)
    return makeLocked(name, folder).map { Temporary($0.path, lock: $0.path, $0.descriptor) }
  }

  /// Makes an empty folder; nil, with `errno`, when the system refuses.
  static func folder(for name: String, in folder: String) -> Temporary? {
    removeAbandoned(of: name, in: folder)
    guard let lock = makeLocked(name, folder) else { return nil }
    let made = Temporary(folderPath(lock.path), lock: lock.path, lock.descriptor)
    registry.withLock { _ = $0.insert(made.path) }
    if mkdir(made.path, 0o777) == 0 { return made }
    let reason = errno
    withExtendedLifetime(made) {}
    errno = reason
    return nil
  }

  /// Makes an empty file that is locked.
  private static func makeLocked(_ name: String, _ folder: String) -> (path: String, descriptor: Int32)? {
    while true {
      let path = "\(folder)/\(prefix(name))\(randomText())\(suffix)"
      // Registered first: a signal in between must find it.
      registry.withLock { _ = $0.insert(path) }
      let descriptor = openDescriptor(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666)
      // Somebody may have taken it for abandoned before it was locked.
      if descriptor >= 0 && lock(descriptor) { return (path, descriptor) }
      let reason = errno
      registry.withLock { _ = $0.remove(path) }
      if descriptor >= 0 {
        close(descriptor)
      } else if reason != EEXIST {
        errno = reason
        return nil
      }
    }
  }

  private init(_ path: String, lock: String, _ descriptor: Int32) {
    (self.path, lockPath, self.descriptor) = (path, lock, descriptor)
  }

  /// Removes what stands under the temporary name; it must not be written any more.
  func removeNow() { Self.removeTree(path) }

  deinit {
    Self.removeTree(path)
    if lockPath != path { unlink(lockPath) }
    Self.registry.withLock { $0.subtract([path, lockPath]) }
    close(descriptor)
  }

  /// Puts what was made under its final name by `move`, which no signal comes between.
  ///
  /// What then stands under the temporary name, because the two changed places, goes with this object.
  ///
  /// - Returns: what `move` returned: 0, or why it failed.
  func putInPlace(_ move: (_ path: String) -> Int32) -> Int32 {
    Self.registry.withLock { _ in move(path) }
  }

  /// Locks what was just made; false when it is not there any more.
  private static func lock(_ descriptor: Int32) -> Bool {
    // A file system without locks leaves what is abandoned where it is.
    if case .held = lockDescriptor(descriptor) { return false }
    var status = stat()
    return fstat(descriptor, &status) != 0 || status.st_nlink > 0
  }

  /// Removes what earlier writers of an output left behind when they were killed; what a living one makes stays.
  ///
  /// A folder that was set aside, and is not replaced, comes back.
  static func removeAbandoned(of name: String, in folder: String) {
    let start = prefix(name)
    let entries = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix(start) }
    let locks = entries.filter { isRandom($0, start, suffix) }
    let living = locks.filter { !removeIfAbandoned("\(folder)/\($0)") }
    // A living writer may be between its two renames.
    guard living.isEmpty else { return }
    for entry in entries where isRandom(entry, start, asideSuffix) {
      let path = "\(folder)/\(entry)"
      if access("\(folder)/\(name)", F_OK) == 0 { removeTree(path) } else { rename(path, "\(folder)/\(name)") }
    }
  }

  /// Removes a temporary file, or a folder by its lock, unless its owner lives or that cannot be known; whether it is gone.
  static func removeIfAbandoned(_ path: String) -> Bool {
    // Where a lock travels over a network, an exclusive one takes a descriptor that may write.
    let descriptor = openDescriptor(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard case .locked = lockDescriptor(descriptor) else { return false }
    // The lock's file last: who is killed in between leaves what can be found again.
    removeTree(folderPath(path))
    removeTree(path)
    return true
  }

  /// The folder that a lock's file stands for.
  private static func folderPath(_ lock: String) -> String { String(lock.dropLast(suffix.count)) + folderSuffix }

  /// Whether a folder's entry has a name that this program gives to what is not whole.
  static func isTemporaryName(_ entry: String) -> Bool {
    entry.hasPrefix(".") && [suffix, folderSuffix, asideSuffix, removedSuffix].contains { entry.hasSuffix($0) }
  }

  /// A name for a folder that stands aside.
  static func aside(for name: String, in folder: String) -> String { "\(folder)/\(prefix(name))\(randomText())\(asideSuffix)" }

  /// Removes a file, or a folder with all that is in it; what is not there is no failure, and what cannot be removed stays.
  static func removeTree(_ path: String) {
    if unlink(path) == 0 || errno == ENOENT { return }
    // A thread that is being stopped may still put a file into the folder.
    for _ in 0..<5 {
      if (try? FileManager.default.removeItem(atPath: path)) != nil || access(path, F_OK) != 0 { return }
    }
  }

  /// The beginning of the names for an output; cut, so that the whole stays below the 255 bytes that a name may have.
  private static func prefix(_ name: String) -> String {
    name.utf8.count <= 200 ? ".\(name)." : "." + String(decoding: name.utf8.prefix(200), as: UTF8.self) + "."
  }

  /// A text that nobody else has: not another process, container or machine on the same file system.
  private static func randomText() -> String {
    let text = String(UInt64.random(in: 0 ... .max), radix: 36)
    return String(repeating: "0", count: digits - text.count) + text
  }

  /// Whether a name is one of ours: a beginning, a random text, an end.
  private static func isRandom(_ entry: String, _ start: String, _ end: String) -> Bool {
    let text = entry.dropFirst(start.count).dropLast(end.count)
    return entry.hasSuffix(end) && text.utf8.count == digits
      && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0 || (UInt8(ascii: "a")...UInt8(ascii: "z")) ~= $0 }
  }

  /// Removes all that this process is making; nothing can be made or put in place from then on.
  ///
  /// For who ends the process; `end` is told what could not be removed.
  static func removeAllForGood(_ end: (_ left: [String]) -> Never) -> Never {
    registry.withLock { paths in
      for path in paths { removeTree(path) }
      var status = stat()
      end(paths.filter { lstat($0, &status) == 0 }.sorted())
    }
  }
}

/// What a command does that is stopped by a signal and has nothing to save.
package enum StopCleanup {
  /// Says that a signal ended the process, and which half-written files could not be removed.
  package typealias LastWords = @Sendable (_ signal: Int32, _ left: [String]) -> Void

  /// Seconds that the last words may take: what they are written to may take nothing more.
  private static let mostSeconds = 1.0
  private static let lastWords = Mutex<LastWords>({ _, _ in })

  /// From now on SIGINT, SIGTERM and SIGHUP remove what this process has under temporary names, and call `lastWords`, before they end it,
  /// as they would without.
  ///
  /// A thread of its own waits for them, since nothing may be removed in a handler. To be called before other threads are started:
  /// they inherit that these signals are not for them. A signal that is ignored (`nohup`, a script's `&`) stays so.
  package static func begin(_ lastWords: @escaping LastWords) {
    self.lastWords.withLock { $0 = lastWords }
    var (set, before) = (signals, sigset_t())
    pthread_sigmask(SIG_BLOCK, &set, &before)
    var thread = pthread_t()
    let failure = pthread_create(&thread, nil, { _ in StopCleanup.wait() }, nil)
    // Without the thread, signals end the process at once.
    if failure == 0 { pthread_detach(thread) } else { pthread_sigmask(SIG_SETMASK, &before, nil) }
  }

  /// Blocked, an ignored signal would wait like the others.
  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGINT, SIGTERM, SIGHUP] where chost_ignores(signal) == 0 { sigaddset(&set, signal) }
    return set
  }

  private static func wait() -> Never {
    var set = signals
    var number: Int32 = 0
    while sigwait(&set, &number) != 0 {}
    Temporary.removeAllForGood { left in
      say(number, left)
      signal(number, SIG_DFL)
      pthread_sigmask(SIG_UNBLOCK, &set, nil)
      raise(number)
      _exit(128 + number)
    }
  }

  private static func say(_ number: Int32, _ left: [String]) {
    let said = DispatchSemaphore(value: 0)
    let words = lastWords.withLock { $0 }
    Thread.detachNewThread {
      words(number, left)
      said.signal()
    }
    _ = said.wait(timeout: .now() + mostSeconds)
  }
}
