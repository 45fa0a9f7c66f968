import Files
import Glibc
import Host

/// A file that only ever grows, a whole record a write: what logs are made of.
///
/// Each record goes to the system in one call, so a run that is killed loses at most the record it was in. Of a record that a full
/// disk takes only in part nothing stays: what comes behind it could not be read.
struct AppendFile: ~Copyable {
  let path: String
  private let descriptor: Int32
  /// Bytes at the end that are of no whole record.
  private var excess = 0

  /// Opens or creates it; with `endsLine`, a line that an earlier run left half-written is closed first.
  init(path: String, endsLine: Bool) throws(InputError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw InputError("\(path): cannot be opened for writing: \(systemReason())") }
    let size = lseek(descriptor, 0, SEEK_END)
    var last: UInt8 = 0
    if endsLine && size > 0 && pread(descriptor, &last, 1, size - 1) == 1 && last != UInt8(ascii: "\n") {
      try append([UInt8(ascii: "\n")])
    }
  }

  deinit { _ = close(descriptor) }

  /// Adds the bytes at the end, all of them or none.
  mutating func append(_ bytes: [UInt8]) throws(InputError) {
    try takeBack()
    let outcome = bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    guard !outcome.isWhole else { return }
    excess = outcome.count
    try takeBack()
    throw InputError("\(path): cannot be written: \(systemReason(outcome.code)); make room on the disk and resume")
  }

  /// Cuts the part of a record off the end; what cannot be cut now is cut before the next record.
  private mutating func takeBack() throws(InputError) {
    guard excess > 0 else { return }
    guard ftruncate(descriptor, lseek(descriptor, 0, SEEK_END) - off_t(excess)) == 0 else {
      throw InputError("\(path): ends in half a record, which cannot be taken back: \(systemReason())")
    }
    excess = 0
  }
}
