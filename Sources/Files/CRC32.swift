import CZlib

/// The CRC-32 of gzip and PNG (polynomial 0xEDB88320), computed by zlib; the checksum of all our files.
public struct CRC32: Sendable {
  /// The checksum of the bytes seen so far; 0 before the first.
  public private(set) var value: UInt32 = 0

  /// Starts with no bytes seen.
  public init() {}

  /// Takes in the next bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    value = UInt32(crc32_z(uLong(value), start.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  /// The checksum of one buffer.
  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var checksum = CRC32()
    checksum.update(bytes)
    return checksum.value
  }

  /// The checksum of a whole file.
  ///
  /// Throws `InputError` when it is missing, unreadable or no plain file.
  public static func of(file path: String) throws -> UInt32 {
    try MappedFile(path: path).withBytes { CRC32.of($0) }
  }
}
