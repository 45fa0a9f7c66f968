/// A growing run of bytes whose slices are stable until the next change.
package final class ByteBuffer {
  package private(set) var count = 0
  private var capacity = 256
  private var start: UnsafeMutableRawPointer

  package init() { start = .allocate(byteCount: capacity, alignment: 16) }

  deinit { start.deallocate() }

  /// A slice; valid until something is appended or removed.
  package subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(range.upperBound <= count, "bytes \(range) of \(count)")
    return UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count)
  }

  package func removeAll() { count = 0 }

  @inline(__always)
  package func append(_ byte: UInt8) {
    if count == capacity { reserve(count + 1) }
    start.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  package func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    if count + bytes.count > capacity { reserve(count + bytes.count) }
    (start + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  /// Appends a code point's UTF-8 bytes.
  package func append(_ scalar: Unicode.Scalar) { for byte in UTF8.encode(scalar).unsafelyUnwrapped { append(byte) } }

  package func reserve(_ wanted: Int) {
    guard wanted > capacity else { return }
    capacity = max(capacity * 2, wanted)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: start, byteCount: count)
    start.deallocate()
    start = larger
  }
}
