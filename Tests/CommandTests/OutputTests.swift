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

  /// A limit on the size of files is an error of the write, not a signal that ends the process and leaves what it had made.
  @Test func aLimitOnTheSizeOfFilesIsASentence() throws {
    let out = folder.file("raw")
    let ending = try CommandRunner.run(
      ["-c", "ulimit -f 10; exec \"$@\"", "sh", CommandRunner.binary(), "synth", "--out", out, "--quiet"], program: "/bin/sh")
    #expect(ending.code == 65 && ending.errors.contains("File too large"), "\(ending)")
    #expect(ending.errorLines.count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: out).isEmpty)
  }

  /// Somebody copies onto a file that is mapped: the page that is gone is a sentence, not a trap.
  @Test func aFileThatIsCutWhileItIsReadIsASentence() throws {
    let world = try CommandWorld.shared()
    for (name, path) in [("d", world.dataset), ("c.yaml", world.config)] {
      try FileManager.default.copyItem(atPath: path, toPath: folder.file(name))
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try CommandRunner.binary())
    process.arguments = ["train", "--config", "c.yaml", "--data", "d", "--out", "run", "--ranks", "1", "--quiet"]
    process.arguments! += ["--set", "universal.steps=1000000", "--set", "log.every_steps=1"]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let log = folder.file("run/metrics.jsonl")
    for _ in 0..<3000 where ((try? Data(contentsOf: URL(fileURLWithPath: log)))?.count ?? 0) < 1000 { usleep(10_000) }
    for shard in try FileManager.default.contentsOfDirectory(atPath: folder.file("d/shards")) {
      truncate(folder.file("d/shards/\(shard)"), 0)
    }
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 65)
    #expect(text.hasPrefix("precise: a file of the data set, the run or the input was cut short"), "\(text)")
    #expect(text.split(separator: "\n").count == 1)
  }

  @Test func scoresDoNotReplaceWhatTheyAreMadeOf() throws {
    let world = try CommandWorld.shared()
    let pairs = try folder.write("pairs.csv", "user,item\n")
    for out in [
      "\(world.run)/run.json", "\(world.run)/checkpoints/universal/x", "\(world.dataset)/manifest.json", "\(world.dataset)/new",
      pairs,
    ] {
      let ending = try CommandRunner.run("score", world.run, "--pairs", pairs, "--out", out, "--quiet")
      #expect(ending.code == 64 && ending.errors.contains("name a file of its own"), "\(out): \(ending)")
    }
    #expect(try String(contentsOfFile: pairs, encoding: .utf8) == "user,item\n")
  }

  /// Advice that is pasted must not lose the file that it is about.
  @Test func aConversionNeverNamesAFileThatIsThere() throws {
    let table = try folder.write("t.csv", Data("ORC".utf8) + Data(repeating: 1, count: 600))
    try folder.write("t-2.csv", "mine")
    let ending = try CommandRunner.run("prepare", "--interactions", table, "--out", folder.file("d"))
    #expect(ending.code == 65 && ending.errors.contains(" \(table) \(folder.file("t-3.csv"))"), "\(ending.errors)")
  }

  @Test func aDayWrittenAsANumberIsSaid() throws {
    let rows = (0..<40).map { "u\($0 % 4),i\($0 % 5),202503\(10 + $0 % 20)\n" }.joined()
    let path = try folder.write("days.csv", "user,item,timestamp\n" + rows)
    let minimums = ["--min-user-events", "1", "--min-item-events", "1"]
    let ending = try CommandRunner.run(["prepare", "--interactions", path, "--out", folder.file("d"), "--quiet"] + minimums)
    #expect(
      ending.code == 0 && ending.errors.contains("if you meant the day 2025-03-29, write it in that form"), "\(ending.errors)")
  }
}
