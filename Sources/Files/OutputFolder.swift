import Foundation
import Glibc

/// A folder that is built under a temporary name beside its final one and renamed when it is whole.
///
/// Without `commit` the temporary folder is removed and whatever stood under the final name stays.
public final class OutputFolder {
  /// What a folder is that may be replaced, and the file that it is known by.
  public struct Kind: Sendable {
    let name: String
    let marker: String

    /// A kind of folder: its name with an article, and the name of a file that every such folder has.
    public init(_ name: String, marker: String) {
      self.name = name
      self.marker = marker
    }
  }

  /// The final path.
  public let path: String
  /// Where to write meanwhile.
  public let temporaryPath: String
  private let parent: String
  private var isCommitted = false

  /// Makes the temporary folder.
  ///
  /// Throws `InputError` when something stands at `path` that may not be replaced: anything but a folder of this kind.
  public init(path: String, kind: Kind, overwrite: Bool) throws {
    let path = Self.withoutTrailingSlash(path)
    let url = URL(fileURLWithPath: path)
    let name = url.lastPathComponent
    guard !path.isEmpty, name != ".", name != "..", name != "/" else {
      throw InputError("\"\(path)\" cannot be the output; name a folder that is to be made")
    }
    try OutputFolder.checkReplaceable(path, kind, overwrite: overwrite)
    self.path = path
    parent = url.deletingLastPathComponent().path
    // Two containers on one disk may have the same process number.
    temporaryPath = "\(parent)/.\(name).\(UUID().uuidString.prefix(8)).tmp"
    if let reason = OutputFolder.make(temporaryPath) { throw InputError("cannot make a folder in \(parent): \(reason)") }
  }

  deinit { if !isCommitted { try? FileManager.default.removeItem(atPath: temporaryPath) } }

  /// Makes a folder inside.
  public func makeFolder(_ name: String) throws {
    guard mkdir("\(temporaryPath)/\(name)", 0o777) == 0 || errno == EEXIST else {
      throw InputError("cannot make a folder in \(temporaryPath): \(String(cString: strerror(errno)))")
    }
  }

  /// Puts the folder under its final name.
  ///
  /// A folder that stood there is set aside first and removed afterwards. Throws `InputError`; nothing has changed at `path` then,
  /// unless the error says that the folder is in place.
  public func commit() throws {
    try AtomicFile.synchronizeFolder(temporaryPath)
    let aside = "\(temporaryPath).old"
    let isReplacing = access(path, F_OK) == 0
    if isReplacing { try move(path, aside) }
    do {
      try move(temporaryPath, path)
    } catch {
      if isReplacing { try? move(aside, path) }
      throw error
    }
    isCommitted = true
    do {
      try AtomicFile.synchronizeFolder(parent)
    } catch {
      throw InputError("\(path) is in place, but a power cut may still undo that: \(error)")
    }
    if isReplacing { try? FileManager.default.removeItem(atPath: aside) }
  }

  /// Removes a folder or a file; never one file after the other under a name that counts as whole.
  ///
  /// What cannot be removed stays under a hidden name. Throws `InputError` then.
  public static func remove(_ path: String) throws {
    let url = URL(fileURLWithPath: path)
    let hidden = "\(url.deletingLastPathComponent().path)/.\(url.lastPathComponent.drop { $0 == "." }).removed"
    do {
      if hidden != url.path {
        try? FileManager.default.removeItem(atPath: hidden)
        try FileManager.default.moveItem(atPath: path, toPath: hidden)
      }
      try FileManager.default.removeItem(atPath: hidden)
    } catch {
      throw InputError("\(path) cannot be removed: \(systemReason(error))")
    }
  }

  private func move(_ from: String, _ to: String) throws {
    guard rename(from, to) == 0 else { throw InputError("cannot rename \(from) to \(to): \(String(cString: strerror(errno)))") }
  }

  private static func checkReplaceable(_ path: String, _ kind: Kind, overwrite: Bool) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return }
    guard isFolder.boolValue else { throw InputError("\(path) is a file; name a folder that is to be made") }
    let names = try? FileManager.default.contentsOfDirectory(atPath: path)
    guard let names, !names.isEmpty else { return }
    guard access("\(path)/\(kind.marker)", F_OK) == 0 else {
      throw InputError("\(path) is a folder with other things in it; name another one")
    }
    guard overwrite else {
      throw InputError("\(path) is \(kind.name) already; give --overwrite to replace it or name another folder")
    }
  }

  /// The path without slashes at its end (`/` stays).
  public static func withoutTrailingSlash(_ path: String) -> String {
    var path = path[...]
    while path.count > 1 && path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// Makes a folder and those above it; returns why it cannot.
  private static func make(_ path: String) -> String? {
    if mkdir(path, 0o777) == 0 { return nil }
    let failure = errno
    let above = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard failure == ENOENT, above != path else { return String(cString: strerror(failure)) }
    var status = stat()
    if stat(above, &status) != 0, let reason = make(above) { return reason }
    return mkdir(path, 0o777) == 0 ? nil : String(cString: strerror(errno))
  }
}
