import Foundation
import TestSupport
import Testing

@testable import Files

/// What is no text is named as what it is, with the command that makes text of it.
@Suite struct FileSignatureTests {
  private func name(_ bytes: [UInt8]) -> String? { bytes.withUnsafeBytes { FileSignature($0)?.name } }

  private static let tar = [UInt8](repeating: 0x61, count: 257) + Array("ustar\u{0}".utf8)

  @Test(
    arguments: [
      (Array("PAR1\u{15}\u{4}".utf8), "a Parquet file"), (Array("ORC\n\u{B}\u{3}".utf8), "an ORC file"),
      (Array("ARROW1\u{0}\u{0}".utf8), "an Arrow file"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz-compressed"),
      (Array("BZh9".utf8) + [0x17, 0x72, 0x45, 0x38, 0x50, 0x90], "bzip2-compressed"),
      ([0x28, 0xB5, 0x2F, 0xFD, 0x24], "zstd-compressed"),
      ([0x50, 0x4B, 3, 4, 20, 0], "a zip archive"),
      ([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array("[Content_Types].xml".utf8), "an Excel workbook"),
      ([0xFF, 0xFE, 0x75, 0], "UTF-16 text"), ([0xFE, 0xFF, 0, 0x75], "UTF-16 text"),
      ([0xFF, 0xFE, 0, 0, 0x75, 0, 0, 0], "UTF-32 text"),
      (Array("user,item".utf8).flatMap { [$0, 0] }, "UTF-16 text"), (Array("user,item".utf8).flatMap { [0, $0] }, "UTF-16 text"),
      (Array("SQLite format 3\u{0}".utf8), "an SQLite database"), ([0x80, 4, 0x95], "a Python pickle"), (tar, "a tar archive"),
      ([0x1F, 0x8B, 8], "gzip data inside gzip data"), (Array("<!DOCTYPE html><html>".utf8), "a web page"),
      (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "a pointer of Git LFS"),
      (Array("user\u{0},item\n".utf8), "not text: there are NUL bytes in its first line"),
      ([0x07, 0x9B, 0xC3, 0x28, 0x0A], "not text: there are control characters in its first line"),
    ] as [([UInt8], String)])
  func names(bytes: [UInt8], expected: String) { #expect(name(bytes) == expected) }

  @Test(arguments: [
    "", "user,item,timestamp\n", "PAR1\nPAR2\n", "PAR1,item\n", "ORC,x\n", "BZhang\n", "PK\n", "{\"user\":1}\n", "ümlaut,ß\n",
    "用户,物品\n",
    "\u{FEFF}user\n", "user\nwith a \u{0} in its second line\n", "version 2\n", "a\u{1}b\n",
  ])
  func textIsText(text: String) { #expect(name(Array(text.utf8)) == nil) }

  @Test func latin1IsText() { #expect(name([0x75, 0xE9, 0x2C, 0xFC, 0x0A]) == nil) }

  /// Each command is one that a shell can run as it stands.
  @Test(
    arguments: [
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "e.csv.xz", "e.csv.xz is xz-compressed; convert it: xz -dc < e.csv.xz > e.csv"),
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "e", "e is xz-compressed; convert it: xz -dc < e > e.txt"),
      (
        [0xFF, 0xFE, 0x75, 0], "my e.csv",
        "my e.csv is UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8 < 'my e.csv' > 'my e.utf8.csv'"
      ),
      ([0x50, 0x4B, 3, 4], "standard input", "standard input is a zip archive; pipe it through funzip first"),
      (
        Array("PAR1\u{15}".utf8), "x/e.parquet",
        "x/e.parquet is a Parquet file; convert it: python3 -c 'import pandas, sys; "
          + "pandas.read_parquet(sys.argv[1]).to_csv(sys.argv[2], index=False)' x/e.parquet x/e.csv"
      ),
    ] as [([UInt8], String, String)])
  func saysHowToConvert(bytes: [UInt8], path: String, expected: String) throws {
    let signature = try #require(bytes.withUnsafeBytes { FileSignature($0) })
    #expect(signature.sentence(path: path) == expected)
  }

  @Test func aReaderRefusesWhatIsNoText() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("e.csv", Data([0xFF, 0xFE, 0x75, 0, 0x0A, 0]))
    let error = #expect(throws: InputError.self) { try LineReader(path: path) }
    #expect(error?.description.contains("UTF-16") == true)
    // Compressed once more, it is told by what is inside.
    var file = try OutputFile(path: folder.file("e.csv.gz"), isGzipped: true)
    try [UInt8]([0xFF, 0xFE, 0x75, 0, 0x0A, 0]).withUnsafeBytes { try file.write($0) }
    try file.commit()
    let inside = #expect(throws: InputError.self) { try LineReader(path: folder.file("e.csv.gz")) }
    let target = "\(folder.path)/e.utf8.csv"
    #expect(inside?.description.hasSuffix("gzip -dc \(folder.path)/e.csv.gz | iconv -f UTF-16 -t UTF-8 > \(target)") == true)
  }

  @Test func anArchiveOfStatesIsNamed() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("states.pt", Data([0x50, 0x4B, 3, 4, 0, 0, 8, 8, 0, 0]))
    #expect(throws: InputError("\(path) is a zip archive, not a safetensors file")) { try SafetensorsFile(path: path) }
  }
}
