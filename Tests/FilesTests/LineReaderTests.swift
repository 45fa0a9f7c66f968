import Files
import Foundation
import TestSupport
import Testing

@Suite struct LineReaderTests {
  private func lines(_ path: String, maximumLength: Int = 16 << 20) throws -> [String] {
    let reader = try LineReader(path: path, maximumLength: maximumLength)
    var lines: [String] = []
    while let line = try reader.next() {
      lines.append(String(decoding: line, as: UTF8.self))
      #expect(reader.lineNumber == lines.count)
    }
    #expect(try reader.next() == nil)
    return lines
  }

  private func gzip(_ path: String) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-c", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return data
  }

  @Test(arguments: [
    ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\r\nb\r\n", ["a", "b"]), ("a\n\nb", ["a", "", "b"]),
    ("\u{FEFF}a\n\u{FEFF}b\n", ["a", "\u{FEFF}b"]), ("a\rb\n", ["a\rb"]), ("\u{FEFF}", []), ("\r\n", [""]),
  ])
  func splitsLines(text: String, expected: [String]) throws {
    let folder = try TemporaryFolder()
    #expect(try lines(try folder.write("a", text)) == expected)
  }

  @Test func longAndShortLinesAcrossTheBuffer() throws {
    let folder = try TemporaryFolder()
    let expected =
      (0..<3_000).map { String(repeating: "x", count: $0 % 701) + "\($0)" } + [String(repeating: "y", count: 1_000_000), "z"]
    #expect(try lines(try folder.write("a", expected.joined(separator: "\r\n"))) == expected)
  }

  @Test func inflatesByMagicNumberAndJoinsMembers() throws {
    let folder = try TemporaryFolder()
    let first = try gzip(try folder.write("1", "a\nb"))
    let second = try gzip(try folder.write("2", String(repeating: "long line ", count: 100_000) + "\nend\n"))
    let read = try lines(try folder.write("both.csv", first + second))
    #expect(read.count == 3)
    #expect(read[0] == "a" && read[1].hasPrefix("blong line ") && read[2] == "end")
  }

  @Test func zerosBehindGzipArePadding() throws {
    let folder = try TemporaryFolder()
    let member = try gzip(try folder.write("1", "a\nb\n"))
    for count in [1, 511, 600_000] {
      let padding = Data(repeating: 0, count: count)
      #expect(try lines(try folder.write("padded", member + padding)) == ["a", "b"])
      #expect(try lines(try folder.write("both", member + padding + member)) == ["a", "b", "a", "b"])
    }
    let garbage = try folder.write("garbage", member + Data([0, 0, 7]))
    #expect(throws: InputError.self) { try lines(garbage) }
  }

  @Test func damagedGzipIsAnErrorWithThePath() throws {
    let folder = try TemporaryFolder()
    let whole = try gzip(try folder.write("1", (0..<5_000).map { "\($0)\n" }.joined()))
    let cut = try folder.write("cut.gz", whole.prefix(whole.count - 9))
    #expect(throws: InputError("\(cut) is gzip data cut short; fetch or make the file again")) { try lines(cut) }
    var damaged = whole
    damaged[whole.count / 2] ^= 0xFF
    let path = try folder.write("damaged.gz", damaged)
    #expect(throws: InputError("\(path) is damaged gzip data; fetch or make the file again")) { try lines(path) }
  }

  @Test func refusesALineOverTheMaximum() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", "short\n" + String(repeating: "x", count: 2_000))
    #expect(throws: InputError("\(path):2: the line is longer than 100 bytes; is this a text file?")) {
      try lines(path, maximumLength: 100)
    }
    let exact = try folder.write("b", String(repeating: "x", count: 100) + "\r\n")
    #expect(try lines(exact, maximumLength: 100).map(\.count) == [100])
  }

  @Test func refusesAFolderAndAMissingFile() throws {
    let folder = try TemporaryFolder()
    #expect(throws: InputError("\(folder.path) is a folder; a file is wanted here")) { try LineReader(path: folder.path) }
    #expect(throws: InputError("cannot open \(folder.path)/none: No such file or directory; is the path right?")) {
      try LineReader(path: folder.file("none"))
    }
  }
}
