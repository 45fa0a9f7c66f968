import Foundation
import Testing

@testable import Config

/// Files that are missing, broken or hostile: one sentence each, at once, never a crash.
struct ConfigDocumentTests {
  /// The problems of a file with these bytes.
  private func problems(ofFile bytes: Data) throws -> [String] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("config-\(UUID().uuidString).yaml")
    try bytes.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    do {
      _ = try ConfigReader.read(file: file.path)
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  @Test func missingFileAndFolder() {
    #expect(throws: ConfigProblems.self) { try ConfigReader.read(file: "/nowhere/run.yaml") }
    do {
      _ = try ConfigReader.read(file: "/nowhere/run.yaml")
    } catch {
      #expect(error.description == "/nowhere/run.yaml: there is no such file")
    }
    do {
      _ = try ConfigReader.read(file: "/tmp")
      Issue.record("a folder was read")
    } catch {
      #expect(error.description == "/tmp: is a folder, not a configuration file")
    }
  }

  @Test func aFileReadsLikeItsText() throws {
    #expect(try problems(ofFile: Data("model: {layers: 1}\n".utf8)) == [])
    #expect(try problems(ofFile: Data("\n\nmodel: {layers: 0}\n".utf8)).first?.hasPrefix("line 3, model.layers: 0,") == true)
  }

  @Test func hugeAndBinaryFiles() throws {
    #expect(
      try problems(ofFile: Data(repeating: UInt8(ascii: "#"), count: (1 << 20) + 1)) == [
        "is larger than 1 MiB, so it is no configuration file"
      ])
    #expect(try problems(ofFile: Data([0x61, 0xFF, 0x0A])) == ["is not UTF-8 text"])
    #expect(try problems(ofFile: Data([0x00, 0x01])).count == 1)
  }

  /// Editors on Windows begin UTF-8 with a byte order mark, or write UTF-16.
  @Test func aByteOrderMarkIsNoMatter() throws {
    let mark = Data([0xEF, 0xBB, 0xBF])
    #expect(try problems(ofFile: mark + Data("model: {layers: 1}\n".utf8)) == [])
    #expect(try problems(ofFile: mark) == [])
    #expect(try problems(ofFile: mark + Data("model: {layers: 0}\n".utf8)).first?.hasPrefix("line 1, model.layers: 0,") == true)
    let wide = try #require("seed: 1\n".data(using: .utf16LittleEndian))
    for text in [Data([0xFF, 0xFE]) + wide, wide] {
      let found = try problems(ofFile: text)
      #expect(found.count == 1 && found[0].hasPrefix("is UTF-16 text; convert it: iconv -f UTF-16") == true, "\(found)")
    }
    #expect(try problems(ofFile: Data([0x50, 0x4B, 3, 4])).first?.hasPrefix("is a zip archive") == true)
  }

  @Test func syntaxErrorsHaveALine() {
    #expect(firstProblem("a: 1\nb: [1, 2\nc: 3\n")?.hasPrefix("line 3, is not valid YAML: ") == true)
    #expect(firstProblem("seed: 1\n\tmodel: 2\n")?.hasPrefix("line 2, is not valid YAML: ") == true)
    #expect(firstProblem("seed: 1\nseed: 2\n") == "line 1, seed: stands twice in one section; remove one")
    #expect(firstProblem("--- 1\n--- 2\n")?.contains("is not valid YAML") == true)
    #expect(firstProblem("just words")?.contains("must be a section") == true)
    #expect(firstProblem("- 1")?.contains("must be a section") == true)
    #expect(firstProblem("? [a, b]\n: 1")?.contains("a key must be one word") == true)
  }

  @Test func aliasesAreRefused() {
    #expect(firstProblem("model: &m {layers: 1}\n")?.contains("anchors") == true)
    #expect(firstProblem("seed: &s 1\nbatch: {users: *s}\n")?.contains("anchors") == true)
    #expect(firstProblem("# *one* or *two*\nmodel: {layers: 0}")?.contains("model.layers") == true)
    let levels = (1...30).map { "l\($0): &l\($0) [*l\($0 - 1), *l\($0 - 1), *l\($0 - 1)]" }
    #expect(firstProblem("l0: &l0 [x]\n" + levels.joined(separator: "\n"))?.contains("aliases") == true)
    // As keys, which Yams hashes while it composes.
    #expect(firstProblem("l0: &l0 [x]\n" + levels.joined(separator: "\n") + "\n? *l30\n: 1\n")?.contains("aliases") == true)
  }

  @Test(arguments: [20, 999, 100_000])
  func deepNestingIsRefused(depth: Int) {
    let flow = "model: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    #expect(firstProblem(flow) != nil)
    #expect(firstProblem(String(repeating: "- ", count: depth) + "1") != nil)
    #expect(firstProblem(String(repeating: "{a: ", count: depth)) != nil)
    #expect(firstProblem(String(repeating: "? ", count: depth) + "1") != nil)
  }

  @Test func everyPrefixOfAFileIsReadOrRefused() {
    let text = ConfigWriter.text(RunConfig())
    for end in stride(from: 0, to: text.utf8.count, by: 7) {
      _ = firstProblem(String(decoding: text.utf8.prefix(end), as: UTF8.self))
    }
  }
}

/// The first problem of a text.
private func firstProblem(_ text: String) -> String? { problems(text).first }
