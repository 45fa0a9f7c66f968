import CHost
import CZlib
import Files
import Foundation
import TestSupport
import Testing

@Suite struct CRC32Tests {
  /// "123456789" is the check value of the CRC catalogue's CRC-32/ISO-HDLC.
  @Test func catalogueCheckValue() {
    let bytes = Array("123456789".utf8)
    #expect(bytes.withUnsafeBytes { CRC32.of($0) } == 0xCBF4_3926)
    #expect(CRC32().value == 0)
  }

  @Test func ofAFile() throws {
    let folder = try TemporaryFolder()
    #expect(try CRC32.of(file: folder.write("a", "123456789")) == 0xCBF4_3926)
    #expect(try CRC32.of(file: folder.write("b", "")) == 0)
    #expect(throws: InputError.self) { try CRC32.of(file: folder.file("none")) }
  }

  @Test func piecesGiveTheWhole() {
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var checksum = CRC32()
    for start in stride(from: 0, to: bytes.count, by: 333) {
      bytes[start..<min(start + 333, bytes.count)].withUnsafeBytes { checksum.update($0) }
    }
    checksum.update(UnsafeRawBufferPointer(start: nil, count: 0))
    #expect(checksum.value == bytes.withUnsafeBytes { CRC32.of($0) })
  }

  /// Every length up to some blocks, at every alignment, goes on from any checksum as zlib does.
  @Test func equalsZlib() {
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<9000).map { _ in UInt8.random(in: 0...255, using: &random) }
    bytes.withUnsafeBytes { bytes in
      for count in Array(0..<400) + [1023, 1024, 4097, 8191] {
        for start in 0..<16 {
          let (piece, rest) = (bytes[start..<start + count], bytes[8900..<8900 + start])
          var checksum = CRC32()
          checksum.update(UnsafeRawBufferPointer(rebasing: rest))
          checksum.update(UnsafeRawBufferPointer(rebasing: piece))
          #expect(checksum.value == zlib(zlib(0, rest), piece), "\(count) bytes from \(start)")
        }
      }
    }
  }

  @Test func partsAreCombined() {
    let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }
    bytes.withUnsafeBytes { bytes in
      for border in [0, 1, 7, 64, 4096, 4999, 5000] {
        let (first, second) = (
          CRC32.of(UnsafeRawBufferPointer(rebasing: bytes[..<border])),
          CRC32.of(UnsafeRawBufferPointer(rebasing: bytes[border...]))
        )
        #expect(CRC32.combined(first, second, count: bytes.count - border) == CRC32.of(bytes), "\(border)")
      }
    }
  }

  /// Where the processor has the instructions they are used: else the test above is of zlib alone.
  @Test func theProcessorsInstructionsAreUsed() throws {
    let processor = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let line = processor.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") } ?? ""
    let isAble = line.split(separator: " ").contains { $0 == "pclmulqdq" || $0 == "crc32" }
    var checksum: UInt32 = 0
    let bytes = [UInt8](repeating: 1, count: 100)
    let taken = bytes.withUnsafeBytes { chost_crc32(&checksum, $0.baseAddress, 100) }
    #expect((taken >= 96) == isAble)
    #expect(bytes.withUnsafeBytes { zlib(0, $0[..<taken]) } == checksum)
  }

  private func zlib(_ value: UInt32, _ bytes: Slice<UnsafeRawBufferPointer>) -> UInt32 {
    let bytes = UnsafeRawBufferPointer(rebasing: bytes)
    return UInt32(crc32_z(uLong(value), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
