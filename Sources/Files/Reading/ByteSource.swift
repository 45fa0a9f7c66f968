import CZlib
import Glibc

/// A stream of bytes from a file or standard input (`-`), inflated when it begins with gzip's magic number.
///
/// Ours. The magic number decides, not the name; several gzip members after another are one stream, as `cat a.gz b.gz` makes them.
/// Zeros behind a member are padding (of a tape or a disk block), as they are to gzip.
final class ByteSource {
  let path: String
  private let descriptor: Int32
  private var raw: UnsafeMutableRawBufferPointer
  private var rawRange = 0..<0
  private var isAtEnd = false
  private var stream: UnsafeMutablePointer<z_stream>?
  private var isBetweenMembers = false
  private static let rawSize = 1 << 18

  /// Whether what is read out is inflated.
  var isInflated: Bool { stream != nil }

  /// Opens the file and looks at its first two bytes.
  ///
  /// Throws `InputError` when it is missing, unreadable or a folder.
  init(path: String) throws {
    self.path = path == "-" ? "standard input" : path
    descriptor = path == "-" ? STDIN_FILENO : openDescriptor(path, O_RDONLY)
    guard descriptor >= 0 else { throw systemFailure("open", path) }
    raw = UnsafeMutableRawBufferPointer.allocate(byteCount: ByteSource.rawSize, alignment: 16)
    var status = stat()
    if fstat(descriptor, &status) == 0 && status.isFolder { throw InputError("\(path) is a folder; a file is wanted here") }
    while rawRange.count < 2 && !isAtEnd { try fill() }
    if rawRange.count >= 2 && raw[0] == 0x1F && raw[1] == 0x8B { try startInflating() }
  }

  deinit {
    if let stream {
      inflateEnd(stream)
      stream.deallocate()
    }
    raw.deallocate()
    if descriptor > STDIN_FILENO { close(descriptor) }
  }

  /// Fills the front of `target` and returns how many bytes; 0 at the end only.
  ///
  /// Throws `InputError` on a damaged file.
  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    if let stream { return try inflate(stream, into: target) }
    if rawRange.isEmpty && !isAtEnd { try fill() }
    let count = min(target.count, rawRange.count)
    guard count > 0, let start = target.baseAddress, let source = raw.baseAddress else { return 0 }
    start.copyMemory(from: source + rawRange.lowerBound, byteCount: count)
    rawRange = rawRange.dropFirst(count)
    return count
  }

  /// Reads more raw bytes behind those that are left.
  private func fill() throws {
    if rawRange.isEmpty { rawRange = 0..<0 }
    let space = UnsafeMutableRawBufferPointer(rebasing: raw[rawRange.upperBound...])
    while true {
      let count = Glibc.read(descriptor, space.baseAddress, space.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw systemFailure("read", path) }
      isAtEnd = count == 0
      rawRange = rawRange.lowerBound..<rawRange.upperBound + count
      return
    }
  }

  private func startInflating() throws {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 bits of window, +16: gzip wrapping only.
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      stream.deallocate()
      throw InputError("cannot start to inflate \(path): zlib refuses; is memory short?")
    }
    self.stream = stream
  }

  private func inflate(_ stream: UnsafeMutablePointer<z_stream>, into target: UnsafeMutableRawBufferPointer) throws -> Int {
    stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = uInt(min(target.count, 1 << 30))
    let wanted = Int(stream.pointee.avail_out)
    while Int(stream.pointee.avail_out) == wanted {
      if isBetweenMembers { skipZeros() }
      if rawRange.isEmpty && !isAtEnd {
        try fill()
        continue
      }
      if rawRange.isEmpty {
        guard isBetweenMembers else { throw InputError("\(path) is gzip data cut short; fetch or make the file again") }
        return 0
      }
      if isBetweenMembers {
        inflateReset(stream)
        isBetweenMembers = false
      }
      try inflateSome(stream)
    }
    return wanted - Int(stream.pointee.avail_out)
  }

  private func skipZeros() {
    let zeros = raw[rawRange].prefix { $0 == 0 }
    rawRange = rawRange.dropFirst(zeros.count)
  }

  private func inflateSome(_ stream: UnsafeMutablePointer<z_stream>) throws {
    stream.pointee.next_in = raw.baseAddress?.assumingMemoryBound(to: UInt8.self).advanced(by: rawRange.lowerBound)
    stream.pointee.avail_in = uInt(rawRange.count)
    let result = CZlib.inflate(stream, Z_NO_FLUSH)
    rawRange = rawRange.dropFirst(rawRange.count - Int(stream.pointee.avail_in))
    guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
      throw InputError("\(path) is damaged gzip data; fetch or make the file again")
    }
    isBetweenMembers = result == Z_STREAM_END
  }
}
