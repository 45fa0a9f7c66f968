import Foundation
import TestSupport
import Testing

@testable import Files

struct OutputFileTests {
  @Test(arguments: [false, true]) func linesComeBack(isGzipped: Bool) throws {
    let folder = try TemporaryFolder()
    var output = try OutputFile(path: folder.file("out"), isGzipped: isGzipped)
    let lines = (0..<50_000).map { "line \($0 &* 0x9E37_79B9)" }
    for line in lines { try Array("\(line)\n".utf8).withUnsafeBytes { try output.write($0) } }
    #expect(!FileManager.default.fileExists(atPath: folder.file("out")))
    try output.commit()
    let reader = try LineReader(path: folder.file("out"))
    var found: [String] = []
    while let line = try reader.next() { found.append(String(decoding: line, as: UTF8.self)) }
    #expect(found == lines)
    let magic = try Data(contentsOf: URL(fileURLWithPath: folder.file("out"))).prefix(2)
    #expect((magic == Data([0x1F, 0x8B])) == isGzipped)
  }
}
