import CHost
import Foundation
import Glibc
import Host

/// A folder that is built under a temporary name beside its final one and takes that when it is whole.
///
/// Without `commit` the temporary folder is removed and whatever stood under the final name stays. A symbolic link stands for its target.
package final class OutputFolder {
  /// What a folder is that may be replaced, and how it is known.
  package struct Kind: Sendable {
    let name: String
    let marker: String
    let isSound: @Sendable (_ markerPath: String) -> Bool
    let owns: @Sendable (_ entry: String) -> Bool

    /// A kind of folder.
    ///
    /// - Parameters:
    ///   - name: its name with an article.
    ///   - marker: the name of a file that every such folder has.
    ///   - isSound: whether a file of that name is this kind's.
    ///   - owns: whether an entry of a folder is of those that this kind has; a folder with others is not replaced.
    package init(
      _ name: String, marker: String, isSound: @escaping @Sendable (_ markerPath: String) -> Bool = { _ in true },
      owns: @escaping @Sendable (_ entry: String) -> Bool = { _ in true }
    ) {
      self.name = name
      self.marker = marker
      self.isSound = isSound
      self.owns = owns
    }
  }

  /// The final path, as it was given.
  package let path: String
  private let temporary: Temporary
  private let kind: Kind
  private let overwrite: Bool
  /// The final path, behind links.
  private let target: String
  private let parent: String

  /// Where to write meanwhile.
  package var temporaryPath: String { temporary.path }

  /// Makes the temporary folder.
  ///
  /// Throws `InputError` when something stands at `path` that may not be replaced: anything but a folder of this kind.
  package init(path: String, kind: Kind, overwrite: Bool) throws {
    let path = Self.withoutTrailingSlash(path)
    let url = URL(fileURLWithPath: try Self.withoutTrailingSlash(OutputPlace.target(of: path)))
    let name = url.lastPathComponent
    guard !path.isEmpty, name != ".", name != "..", name != "/" else {
      throw InputError("\"\(path)\" cannot be the output; name a folder that is to be made")
    }
    (self.path, self.kind, self.overwrite) = (path, kind, overwrite)
    (target, parent) = (url.path, url.deletingLastPathComponent().path)
    try OutputFolder.checkReplaceable(path, kind, overwrite: overwrite)
    try OutputFolder.checkNotMounted(path, parent: parent)
    if let reason = OutputFolder.make(parent) { throw InputError("cannot make the folder \(parent): \(reason)") }
    guard let made = Temporary.folder(for: name, in: parent) else {
      throw InputError("cannot make a folder in \(parent): \(systemReason())")
    }
    temporary = made
  }

  /// Makes a folder inside an output folder that is being made.
  package static func makeFolder(_ name: String, in temporaryPath: String) throws {
    guard mkdir("\(temporaryPath)/\(name)", 0o777) == 0 || errno == EEXIST else {
      throw InputError("cannot make a folder in \(temporaryPath): \(systemReason())")
    }
  }

  /// Puts the folder under its final name.
  ///
  /// A folder that stood there changes places with it, so that one of the two always stands, and is removed afterwards. Throws
  /// `InputError`; nothing has changed at `path` then, unless the error says that the folder is in place.
  package func commit() throws {
    try AtomicFile.synchronizeFolder(temporaryPath)
    // It may have become something else meanwhile.
    try OutputFolder.checkReplaceable(path, kind, overwrite: overwrite)
    let aside = Temporary.aside(for: URL(fileURLWithPath: target).lastPathComponent, in: parent)
    let failure = temporary.putInPlace { made in
      guard access(target, F_OK) == 0 else { return rename(made, target) == 0 ? 0 : errno }
      if chost_exchange(made, target) == 0 { return 0 }
      guard [EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) else { return errno }
      return replaceInTwoSteps(made, aside: aside)
    }
    guard failure == 0 else { throw InputError("cannot put \(path) in place: \(systemReason(failure))") }
    do {
      try AtomicFile.synchronizeFolder(parent)
    } catch {
      throw InputError("\(path) is in place, but a power cut may still undo that: \(error)")
    }
    Temporary.removeTree(aside)
    temporary.removeNow()
  }

  /// For file systems that cannot exchange two names; who is killed in between leaves the old folder to come back.
  private func replaceInTwoSteps(_ made: String, aside: String) -> Int32 {
    guard rename(target, aside) == 0 else { return errno }
    guard rename(made, target) == 0 else {
      let failure = errno
      rename(aside, target)
      return failure
    }
    return 0
  }

  /// Removes a folder or a file; never one file after the other under a name that counts as whole.
  ///
  /// What cannot be removed stays under a hidden name. Throws `InputError` then.
  package static func remove(_ path: String) throws {
    let url = URL(fileURLWithPath: path)
    let hidden =
      "\(url.deletingLastPathComponent().path)/.\(url.lastPathComponent.drop { $0 == "." })\(Temporary.removedSuffix)"
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

  private static func checkReplaceable(_ path: String, _ kind: Kind, overwrite: Bool) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return }
    guard isFolder.boolValue else { throw InputError("\(path) is a file; name a folder that is to be made") }
    let names = try? FileManager.default.contentsOfDirectory(atPath: path)
    guard let names, !names.isEmpty else { return }
    let foreign = names.sorted().first { !kind.owns($0) && !isNobodys($0) }
    let marker = "\(path)/\(kind.marker)"
    guard access(marker, F_OK) == 0, kind.isSound(marker), foreign == nil else {
      let example = foreign ?? names.sorted().first ?? ""
      throw InputError("\(path) is a folder with other things in it (\(example)); name another one")
    }
    guard overwrite else {
      throw InputError("\(path) is \(kind.name) already; give --overwrite to replace it or name another folder")
    }
  }

  /// Removes what stands under a hidden name of this program's, unless a living process is making it.
  ///
  /// Throws `InputError` when it cannot be removed.
  package static func removeLeftover(_ path: String) throws {
    // A folder goes by its lock, which is an entry of its own.
    if path.hasSuffix(Temporary.folderSuffix) { return }
    if path.hasSuffix(Temporary.suffix) { _ = Temporary.removeIfAbandoned(path) } else { try remove(path) }
  }

  /// What a name becomes while the thing is being removed.
  package static func nameWhileRemoved(_ name: String) -> String { ".\(name)\(Temporary.removedSuffix)" }

  /// Whether a folder's entry is nothing that a person put there: what a killed command left, or a disk's own folder.
  package static func isNobodys(_ entry: String) -> Bool { Temporary.isTemporaryName(entry) || entry == "lost+found" }

  /// The path without slashes at its end (`/` stays).
  package static func withoutTrailingSlash(_ path: String) -> String {
    var path = path[...]
    while path.count > 1 && path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// A disk cannot be renamed: better said now than after hours.
  private static func checkNotMounted(_ path: String, parent: String) throws {
    var (own, above) = (stat(), stat())
    guard stat(path, &own) == 0, stat(parent, &above) == 0, own.st_dev != above.st_dev else { return }
    throw InputError("\(path) is where a disk is mounted, which cannot be replaced; name a folder inside it")
  }

  /// Makes a folder and those above it where they are missing; returns why it cannot.
  private static func make(_ path: String) -> String? {
    var status = stat()
    if stat(path, &status) == 0 { return nil }
    if mkdir(path, 0o777) == 0 { return nil }
    let failure = errno
    let above = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard failure == ENOENT, above != path else { return failure == EEXIST ? nil : systemReason(failure) }
    if let reason = make(above) { return reason }
    return mkdir(path, 0o777) == 0 || errno == EEXIST ? nil : systemReason()
  }
}
