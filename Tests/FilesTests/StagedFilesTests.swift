import Foundation
import TestSupport
import Testing

@testable import Files

struct StagedFilesTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["a", "mark", "other"] { try folder.write(name, "old \(name)") }
  }

  private func text(_ name: String) -> String? { try? String(contentsOfFile: folder.file(name), encoding: .utf8) }

  @Test func filesComeTogether() throws {
    let staged = try StagedFiles("encode", in: folder.path)
    for name in ["a", "mark"] { try Data("new \(name)".utf8).write(to: URL(fileURLWithPath: "\(staged.path)/\(name)")) }
    #expect(text("a") == "old a" && text("mark") == "old mark")
    try staged.commit(["a", "mark"])
    #expect(text("a") == "new a" && text("mark") == "new mark" && text("other") == "old other")
  }

  @Test func whatIsNotCommittedLeavesTheOldFiles() throws {
    do {
      let staged = try StagedFiles("encode", in: folder.path)
      try Data("new".utf8).write(to: URL(fileURLWithPath: "\(staged.path)/a"))
    }
    #expect(text("a") == "old a" && text("mark") == "old mark")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a", "mark", "other"])
  }

  /// Who fails in between leaves no mark beside files that are not its own.
  @Test func theMarkIsThereOnlyWithItsFiles() throws {
    let staged = try StagedFiles("encode", in: folder.path)
    try Data("new a".utf8).write(to: URL(fileURLWithPath: "\(staged.path)/a"))
    #expect(throws: InputError.self) { try staged.commit(["a", "missing", "mark"]) }
    #expect(text("a") == "new a" && text("mark") == nil)
  }
}
