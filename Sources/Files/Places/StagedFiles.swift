import Glibc
import Host

/// Files of a folder that belong together: made aside, then put in place one right after the other.
///
/// Ours. For a folder that has other files, too, and so cannot be replaced as a whole (`OutputFolder`). The last of the files is the mark
/// that the others are whole: it is taken away first and put in place last, so that who is killed in between leaves no mixture that
/// passes for sound. Until `commit` the old files stay as they are.
package struct StagedFiles {
  private let folder: String
  private let temporary: Temporary

  /// Where the files are made.
  package var path: String { temporary.path }

  /// Makes a place for files of a folder; `name` is what they are, for the place's own name.
  ///
  /// Throws `InputError` when the folder cannot be written.
  package init(_ name: String, in folder: String) throws {
    guard let temporary = Temporary.folder(for: name, in: folder) else {
      throw InputError("cannot write in \(folder): \(systemReason())")
    }
    (self.folder, self.temporary) = (folder, temporary)
  }

  /// Puts the files in place, each in that of an older one; the last of them is the mark.
  ///
  /// Throws `InputError` when the disk refuses.
  package func commit(_ names: [String]) throws {
    guard let mark = names.last else { return }
    let failure = temporary.putInPlace { made in
      guard unlink("\(folder)/\(mark)") == 0 || errno == ENOENT else { return errno }
      for name in names where rename("\(made)/\(name)", "\(folder)/\(name)") != 0 { return errno }
      return 0
    }
    guard failure == 0 else { throw InputError("cannot put \(mark) in place in \(folder): \(systemReason(failure))") }
    try AtomicFile.synchronizeFolder(folder)
  }
}
