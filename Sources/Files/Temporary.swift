import Foundation
import Glibc
import Synchronization

/// A hidden file or folder beside an output's final name, in which the output is made.
///
/// Ours. Its name says that it is this program's; a lock on it says that its owner lives, and the system lets go of that however a
/// process ends, on whatever host and in whatever container. So whoever writes the same output next can remove what is
/// abandoned and nothing else. A signal that ends the process removes it too (``removeWhenStopped()``).
final class Temporary {
  /// The path.
  let path: String
  /// Open for writing when it is a file; -1 for a folder that cannot be locked.
  let descriptor: Int32
  private var isOurs = true

  /// Makes an empty file; nil, with `errno`, when the system refuses.
  static func file(for name: String, in folder: String) -> Temporary? {
    make(name, folder) { path in
      let descriptor = openDescriptor(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666)
      return descriptor >= 0 ? descriptor : nil
    }
  }

  /// Makes an empty folder; nil, with `errno`, when the system refuses.
  static func folder(for name: String, in folder: String) -> Temporary? {
    make(name, folder) { path in
      guard mkdir(path, 0o777) == 0 else { return nil }
      return openDescriptor(path, O_RDONLY | O_DIRECTORY)
    }
  }

  private static func make(_ name: String, _ folder: String, _ create: (String) -> Int32?) -> Temporary? {
    removeAbandoned(of: name, in: folder)
    while true {
      let path = "\(folder)/\(prefix(name))\(randomText())\(suffix)"
      // Registered first: a signal in between must find it.
      registry.withLock { _ = $0.insert(path) }
      if let descriptor = create(path) {
        // Somebody may have taken it for abandoned before it was locked. A folder that cannot be opened is used without a lock.
        if descriptor < 0 || lock(descriptor) { return Temporary(path, descriptor) }
        close(descriptor)
      } else if errno != EEXIST {
        let reason = errno
        registry.withLock { _ = $0.remove(path) }
        errno = reason
        return nil
      }
      registry.withLock { _ = $0.remove(path) }
    }
  }

  private init(_ path: String, _ descriptor: Int32) { (self.path, self.descriptor) = (path, descriptor) }

  deinit {
    guard isOurs else { return }
    Self.removeTree(path)
    letGo()
  }

  /// Puts what was made under its final name by `move`, which no signal comes between; lets go of it when that succeeds.
  ///
  /// - Returns: what `move` returned: 0, or why it failed.
  func putInPlace(_ move: (_ path: String) -> Int32) -> Int32 {
    let failure = Self.registry.withLock { paths in
      let failure = move(path)
      if failure == 0 { paths.remove(path) }
      return failure
    }
    if failure == 0 { letGo() }
    return failure
  }

  private func letGo() {
    isOurs = false
    Self.registry.withLock { _ = $0.remove(path) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Locks what was just made; false when it is not there any more.
  private static func lock(_ descriptor: Int32) -> Bool {
    // A file system without locks leaves what is abandoned where it is.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return errno != EWOULDBLOCK }
    var status = stat()
    return fstat(descriptor, &status) != 0 || status.st_nlink > 0
  }

  // MARK: What was abandoned

  /// The end of every such name.
  static let suffix = ".precise-tmp"
  /// The end of the name under which a folder stands aside while another takes its place, where that takes two steps.
  static let asideSuffix = ".precise-old"

  /// Removes what earlier writers of an output left behind when they were killed; what a living one makes stays.
  ///
  /// A folder that was set aside, and is not replaced, comes back.
  static func removeAbandoned(of name: String, in folder: String) {
    let start = prefix(name)
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where entry.hasPrefix(start) {
      let path = "\(folder)/\(entry)"
      let middle = entry.dropFirst(start.count)
      if middle.hasSuffix(suffix), isRandomText(middle.dropLast(suffix.count)), isAbandoned(path) {
        removeTree(path)
      } else if middle.hasSuffix(asideSuffix), isRandomText(middle.dropLast(asideSuffix.count)) {
        if access("\(folder)/\(name)", F_OK) == 0 { removeTree(path) } else { rename(path, "\(folder)/\(name)") }
      }
    }
  }

  /// Whether a folder's entry has a name that this program gives to what is not whole.
  static func isTemporaryName(_ entry: String) -> Bool {
    entry.hasPrefix(".") && (entry.hasSuffix(suffix) || entry.hasSuffix(asideSuffix))
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

  /// Whether nobody holds the lock of what stands under a temporary name; false where that cannot be known.
  static func isAbandoned(_ path: String) -> Bool {
    // Where a lock travels over a network, an exclusive one takes a descriptor that may write.
    var descriptor = openDescriptor(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
    if descriptor < 0 { descriptor = openDescriptor(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) }
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }

  /// The beginning of the names for an output; cut, so that the whole stays below the 255 bytes that a name may have.
  private static func prefix(_ name: String) -> String {
    name.utf8.count <= 200 ? ".\(name)." : "." + String(decoding: name.utf8.prefix(200), as: UTF8.self) + "."
  }

  private static let digits = 13

  /// A text that nobody else has: not another process, container or machine on the same file system.
  private static func randomText() -> String {
    let text = String(UInt64.random(in: 0 ... .max), radix: 36)
    return String(repeating: "0", count: digits - text.count) + text
  }

  private static func isRandomText(_ text: Substring) -> Bool {
    text.utf8.count == digits
      && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0 || (UInt8(ascii: "a")...UInt8(ascii: "z")) ~= $0 }
  }

  // MARK: Signals

  /// What this process is making.
  private static let registry = Mutex<Set<String>>([])

  /// Removes all that this process is making; nothing can be made or put in place from then on.
  ///
  /// For who ends the process.
  static func removeAllForGood(_ end: () -> Never) -> Never {
    registry.withLock { paths in
      for path in paths { removeTree(path) }
      end()
    }
  }
}
