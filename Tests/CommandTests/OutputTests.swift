import Foundation
import TestSupport
import Testing

/// The program as its own process, with streams that refuse what is written to them.
struct OutputTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private struct Ending {
    var code: Int32
    var isSignal: Bool
    var error: String
  }

  /// Runs `precise` as built beside the tests; nil streams are collected or discarded.
  private func run(_ arguments: [String], output: FileHandle? = nil, error: FileHandle? = nil) throws -> Ending {
    let process = Process()
    let tests = URL(fileURLWithPath: CommandLine.arguments[0])
    process.executableURL = tests.deletingLastPathComponent().appendingPathComponent("precise")
    process.arguments = arguments
    process.standardOutput = output ?? FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = error ?? errors.fileHandleForWriting
    try process.run()
    errors.fileHandleForWriting.closeFile()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Ending(code: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal, error: text)
  }

  private func dataset() throws -> String {
    let events = (0..<40).map { "u\($0 % 4),i\($0 % 5),\($0)\n" }.joined()
    let path = try folder.write("events.csv", "user,item,timestamp\n" + events)
    let made = try run(["prepare", "--interactions", path, "--out", folder.file("dataset"), "--quiet", "--virtual-shards", "2"])
    #expect(made.code == 0, "\(made.error)")
    return folder.file("dataset")
  }

  /// The writing end of a pipe that nobody reads.
  private func deadPipe() -> FileHandle {
    let pipe = Pipe()
    pipe.fileHandleForReading.closeFile()
    return pipe.fileHandleForWriting
  }

  @Test func resultsOnAFullDiskAreAFailure() throws {
    let dataset = try dataset()
    for arguments in [["inspect", dataset], ["inspect", dataset, "--json"]] {
      let ending = try run(arguments, output: FileHandle(forWritingAtPath: "/dev/full"))
      #expect(ending.code == 70 && !ending.isSignal)
      #expect(ending.error == "precise: the results cannot be written to standard output: No space left on device\n")
    }
  }

  @Test func aReaderThatHasEnoughEndsTheCommandSilently() throws {
    let ending = try run(["inspect", try dataset(), "--json"], output: deadPipe())
    #expect(ending.isSignal && ending.code == SIGPIPE)
    #expect(ending.error.isEmpty)
  }

  @Test func workGoesOnWithoutATerminal() throws {
    let ending = try run(["inspect", folder.file("none")], error: deadPipe())
    #expect(!ending.isSignal && ending.code == 65)
  }

  @Test func errorsCannotSteerATerminal() throws {
    let ending = try run(["inspect", folder.file("a\u{1B}[2J")])
    #expect(ending.code == 65)
    #expect(ending.error.contains("a\u{FFFD}[2J"))
  }
}
