import CHost
import CZlib

/// The CRC-32 of gzip and PNG (polynomial 0xEDB88320), the checksum of all our files; by the processor's instructions, or else by zlib.
package struct CRC32: Sendable {
  /// The checksum of the bytes seen so far; 0 before the first.
  package private(set) var value: UInt32 = 0

  /// Bytes of a file that are taken in at once; then they leave this process's memory again.
  private static let slice = 16 << 20

  /// Starts with no bytes seen.
  package init() {}

  /// Takes in the next bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let taken = chost_crc32(&value, start, bytes.count)
    guard taken < bytes.count else { return }
    let rest = (start + taken).assumingMemoryBound(to: UInt8.self)
    value = UInt32(crc32_z(uLong(value), rest, bytes.count - taken))
  }

  /// The checksum of one buffer.
  package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var checksum = CRC32()
    checksum.update(bytes)
    return checksum.value
  }

  /// The checksum of bytes whose first part has the checksum `first`, and whose rest, `count` bytes, has `second`.
  package static func combined(_ first: UInt32, _ second: UInt32, count: Int) -> UInt32 {
    UInt32(crc32_combine(uLong(first), uLong(second), count))
  }

  /// The checksum of a whole file.
  ///
  /// Throws `InputError` when it is missing, unreadable or no plain file.
  package static func of(file path: String) throws -> UInt32 { try part(0, of: 1, file: path).checksum }

  /// The checksum of one of so many parts of a file, all of about the same length, and that length; `combined` puts them together.
  ///
  /// Throws `InputError` when the file is missing, unreadable or no plain file, and what `checkStop` throws.
  ///
  /// - Parameter checkStop: asked now and then; throws when the rest is not wanted any more.
  package static func part(
    _ index: Int, of parts: Int, file path: String, checkStop: () throws -> Void = {}
  ) throws -> (checksum: UInt32, bytes: Int) {
    precondition((0..<parts).contains(index), "part \(index) of \(parts)")
    let file = try MappedFile(path: path)
    return try file.withBytes { bytes in
      // Whole numbers first: a product with a file's size could overflow.
      let (each, rest) = bytes.count.quotientAndRemainder(dividingBy: parts)
      let start = index * each + min(index, rest)
      let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + each + (index < rest ? 1 : 0)])
      var checksum = CRC32()
      for first in stride(from: 0, to: part.count, by: slice) {
        try checkStop()
        let piece = UnsafeRawBufferPointer(rebasing: part[first..<min(first + slice, part.count)])
        checksum.update(piece)
        file.forget(piece)
      }
      return (checksum.value, part.count)
    }
  }
}

/// The Castagnoli checksum that frames TensorBoard's records (RFC 3720, appendix B.4); not zlib's polynomial.
package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
  }

  /// Checksum of the bytes.
  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
  }

  /// TensorFlow's masked form, `rotate right by 15, plus 0xa282ead8`: a checksum of data that holds checksums stays a good one.
  package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let crc = of(bytes)
    return ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8
  }
}
