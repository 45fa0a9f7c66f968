import Files
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
}
