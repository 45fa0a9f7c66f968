import Glibc
import Host

/// A nameless temporary file: it is unlinked as soon as it is made, so the system frees it whatever happens to the process.
///
/// Ours.
package final class ScratchFile {
  /// The folder in which it was made, for messages.
  package let folder: String
  /// Bytes written so far.
  package private(set) var size = 0
  private let descriptor: Int32
  private var mapping: UnsafeMutableRawBufferPointer?

  /// Makes the file on the file system of `folder`.
  ///
  /// Throws `InputError` when the folder is missing or not writable.
  package init(folder: String) throws {
    self.folder = folder
    guard let temporary = createTemporary("\(folder)/.scratch-", "", O_RDWR, mode: 0o600) else {
      throw systemFailure("create a scratch file in", folder)
    }
    descriptor = temporary.descriptor
    unlink(temporary.path)
  }

  deinit {
    if let mapping { munmap(mapping.baseAddress, mapping.count) }
    close(descriptor)
  }

  /// Appends bytes.
  ///
  /// Throws `InputError` when the disk refuses them.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    let outcome = writeAll(bytes, to: descriptor)
    guard outcome.isWhole else { throw systemFailure("write scratch data in", folder, code: outcome.code) }
    size += bytes.count
  }

  /// Reads `target.count` bytes from `offset`, which must have been written.
  ///
  /// Throws `InputError` when the disk fails.
  package func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    precondition(offset >= 0 && offset + target.count <= size, "bytes \(offset)+\(target.count) of \(size)")
    var done = 0
    while done < target.count {
      let count = pread(descriptor, target.baseAddress?.advanced(by: done), target.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw systemFailure("read scratch data in", folder) }
      done += count
    }
  }

  /// Maps the whole file for reading and writing; nothing may be appended afterwards.
  ///
  /// Throws `InputError` when the system refuses.
  package func map() throws -> UnsafeMutableRawBufferPointer {
    if let mapping { return mapping }
    guard size > 0 else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else { throw systemFailure("map scratch data in", folder) }
    let mapping = UnsafeMutableRawBufferPointer(start: address, count: size)
    self.mapping = mapping
    return mapping
  }

  /// Lets go of the memory that holds these bytes of the mapping; they come back from the file when next touched.
  package func release(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let (first, last) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
    guard let base = mapping?.baseAddress, first < last else { return }
    madvise(base + first, last - first, MADV_DONTNEED)
  }
}
