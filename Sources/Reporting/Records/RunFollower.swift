import Files
import Foundation
import Glibc
import Host

/// Reads a `metrics.jsonl` that grows, from another process than the one that writes it.
///
/// Each look reads what has come since the last one. A run that goes on from a checkpoint takes back lines, or puts another file in
/// place: then everything is read anew. A line that is still being written waits until it is whole.
package final class RunFollower {
  /// What the file said at the last look.
  package private(set) var history = RunHistory()
  /// How often the file was begun anew: what was said of it before may not hold any more.
  package private(set) var restarts = 0
  private let path: String
  private var file: (device: UInt, number: UInt)?
  private var offset = 0
  /// The last bytes that were read, by which a file is known that was cut and has grown again.
  private var tail = Data()
  /// Whether what comes next is the rest of a line that is too long to be one of ours.
  private var isSkipping = false
  private static let tailBytes = 64
  private static let blockBytes = 1 << 20

  /// Follows a file, which need not be there yet.
  package init(path: String) { self.path = path }

  /// Looks at the file; whether there was anything new.
  ///
  /// Throws `InputError` when it is there and cannot be read.
  package func look() throws -> Bool {
    guard access(path, F_OK) == 0 else { return forget(unless: nil) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw InputError("\(path) cannot be read: \(systemReason())") }
    defer { close(descriptor) }
    var about = stat()
    guard fstat(descriptor, &about) == 0 else { throw InputError("\(path) cannot be read: \(systemReason())") }
    // A device may have no end.
    guard about.st_mode & S_IFMT == S_IFREG else { throw InputError("\(path) is not a plain file") }
    var isNew = forget(unless: (UInt(about.st_dev), UInt(about.st_ino)))
    if try about.st_size < off_t(offset) || read(descriptor, at: offset - tail.count, count: tail.count) != tail {
      isNew = forget(unless: nil) || isNew
      file = (UInt(about.st_dev), UInt(about.st_ino))
    }
    while offset < about.st_size {
      let block = try read(descriptor, at: offset, count: Self.blockBytes)
      guard let end = block.lastIndex(of: UInt8(ascii: "\n")) else {
        guard block.count == Self.blockBytes else { return isNew }
        isSkipping = true
        take(block)
        continue
      }
      var lines = block[...end].dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
      if isSkipping {
        history.add(Data("a line that is too long".utf8))
        lines = lines.dropFirst()
      }
      isSkipping = false
      for line in lines { history.add(Data(line)) }
      take(block[...end])
      isNew = true
    }
    return isNew
  }

  private func take(_ bytes: Data) {
    offset += bytes.count
    tail = Data(bytes.suffix(Self.tailBytes))
  }

  /// Begins anew when the file is another one than before; whether it had read anything.
  private func forget(unless same: (device: UInt, number: UInt)?) -> Bool {
    if let file, let same, file == same { return false }
    file = same
    guard offset > 0 else { return false }
    (history, offset, tail, isSkipping) = (RunHistory(), 0, Data(), false)
    restarts += 1
    return true
  }

  private func read(_ descriptor: Int32, at offset: Int, count: Int) throws -> Data {
    var data = Data(count: count)
    let done = data.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(offset)) }
    guard done >= 0 else { throw InputError("\(path) cannot be read: \(systemReason())") }
    return data.prefix(done)
  }
}
