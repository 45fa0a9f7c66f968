import Files
import Foundation
import TestSupport
import Testing

/// One run directory between several commands, and folders that are none, seen from outside.
struct RunDirectoryCommandTests {
  private let world: CommandWorld
  private let folder: TemporaryFolder

  init() throws {
    world = try CommandWorld.shared()
    folder = try TemporaryFolder()
    for (name, path) in [("dataset", world.dataset), ("run", world.run), ("c.yaml", world.config)] {
      try FileManager.default.copyItem(atPath: path, toPath: folder.file(name))
    }
  }

  /// Runs a command in the folder; it must end with `code`, and says `words` on stderr.
  @discardableResult
  private func run(_ code: Int32, _ words: String, _ arguments: String...) throws -> CommandResult {
    let outcome = try CommandRunner.run(arguments, in: folder.path)
    #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
    #expect(words.isEmpty || outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
    return outcome
  }

  /// Starts a command that goes on beside the test.
  private func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try CommandRunner.binary())
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    return process
  }

  /// Waits until something holds, for a minute at most.
  private func wait(_ what: String, until holds: () throws -> Bool) throws {
    for _ in 0..<6000 {
      if try holds() { return }
      usleep(10_000)
    }
    Issue.record("it never happened: \(what)")
  }

  @Test func evaluationsBesideEachOtherLoseNoRecord() throws {
    try FileManager.default.removeItem(atPath: folder.file("run/evaluation.json"))
    let commands = ["test", "validation"].flatMap { split in ["universal", "like"].map { (split, $0) } }
    let all = try commands.map {
      try start(["evaluate", "run", "--data", "dataset", "--split", $0, "--phase", $1, "--ranks", "1"])
    }
    for process in all {
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    let record = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: folder.file("run/evaluation.json"))))
    let phases = try #require(record as? [String: [String: Any]])
    #expect(
      phases.mapValues { $0.keys.filter { !$0.contains(".") }.sorted() } == [
        "universal": ["test", "validation"], "like": ["test", "validation"],
      ])
  }

  @Test func aLivingTrainingIsNotDisturbedAndReadersAreNotBlocked() throws {
    let train = ["train", "--config", "c.yaml", "--data", "dataset", "--out", "new", "--ranks", "1"]
    let long = ["--set", "universal.steps=1000000", "--set", "checkpoint.every_steps=5", "--set", "checkpoint.keep_last=1"]
    let first = try start(train + long)
    defer { first.terminate() }
    let checkpoints = folder.file("new/checkpoints/universal")
    try wait("a checkpoint") {
      ((try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []).contains { $0.hasPrefix("step-") }
    }
    for more in [["--resume"], ["--overwrite"], []] {
      let outcome = try CommandRunner.run(train + long + more, in: folder.path)
      #expect(outcome.code == 65 && outcome.errors.contains("is being trained by process \(first.processIdentifier) on "))
      #expect(outcome.errorLines.count { $0.hasPrefix("precise:") } == 1)
    }
    for reader in [
      ["evaluate", "new", "--phase", "universal", "--ranks", "2"], ["inspect", "new"], ["export", "new", "--out", "e"],
    ] {
      let outcome = try CommandRunner.run(reader, in: folder.path)
      #expect(outcome.code == 0, "\(reader): \(outcome.errors)")
    }
    #expect(first.isRunning)
    // A dead holder blocks nobody.
    kill(first.processIdentifier, SIGKILL)
    first.waitUntilExit()
    try run(
      0, "", "train", "--config", "c.yaml", "--data", "dataset", "--out", "new", "--ranks", "1", "--resume", "--set",
      "universal.steps=1000000", "--set", "universal.epochs=1", "--phase", "like", "--quiet")
  }

  @Test func aRunAndWhatItIsMadeOfDoNotLieInEachOther() throws {
    try FileManager.default.copyItem(atPath: folder.file("c.yaml"), toPath: folder.file("dataset/c.yaml"))
    for (data, config, out) in [
      ("dataset", "c.yaml", "."), ("dataset", "c.yaml", "dataset/run"), ("dataset", "c.yaml", "dataset"),
      ("dataset", "run/config.yaml", "run"), ("./dataset/", "dataset/c.yaml", "dataset/../dataset"),
    ] {
      for flags in [[], ["--overwrite"], ["--resume"]] {
        let outcome = try CommandRunner.run(
          ["train", "--config", config, "--data", data, "--out", out, "--quiet"] + flags, in: folder.path)
        #expect(outcome.code == 64 && outcome.errors.contains("must not lie in each other"), "\(outcome.errors)")
      }
    }
    try run(64, "another run than --out", "train", "--config", "c.yaml", "--data", "dataset", "--out", "run/new", "--from", "run")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["c.yaml", "dataset", "run"])
  }

  @Test func aFolderOfOthersIsSpared() throws {
    try FileManager.default.createDirectory(atPath: folder.file("home"), withIntermediateDirectories: false)
    try folder.write("home/config.yaml", "theirs")
    for flag in ["--overwrite", "--resume", "--quiet"] {
      try run(65, "other things in it", "train", "--config", "c.yaml", "--data", "dataset", "--out", "home", flag)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("home")) == ["config.yaml"])
    try run(64, "no phase is named lik", "train", "--config", "c.yaml", "--data", "dataset", "--out", "run", "--phase", "lik")
  }

  @Test func tokenStatesOfAnotherEncodingAreRefusedByEveryReader() throws {
    try run(0, "", "encode", "dataset", "--dim", "8", "--tokens", "3", "--quiet")
    for command in [
      ["evaluate", "run"], ["export", "run", "--out", "e"], ["recommend", "run", "--user", "u"],
      ["score", "run", "--pairs", "c.yaml", "--out", "s"],
      ["train", "--config", "c.yaml", "--out", "run", "--set", "model.experts=2", "--set", "universal.epochs=2", "--resume"],
    ] {
      let outcome = try CommandRunner.run(command + ["--data", "dataset", "--quiet"], in: folder.path)
      #expect(outcome.code == 65 && outcome.errors.contains("other token states now"), "\(command): \(outcome.errors)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["c.yaml", "dataset", "run"])
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aStoppedCommandLeavesNothing(signal: Int32) throws {
    let pipe = folder.file("events.csv")
    try #require(mkfifo(pipe, 0o600) == 0)
    let process = try start(["prepare", "--interactions", "events.csv", "--out", "made"])
    // It waits for rows for ever.
    let writer = open(pipe, O_WRONLY)
    defer { close(writer) }
    _ = "user,item,timestamp\nu,i,1\n".withCString { write(writer, $0, strlen($0)) }
    try wait("a temporary folder") { try folder.names().contains { $0.hasPrefix(".made.") } }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == signal)
    #expect(try folder.names() == ["c.yaml", "dataset", "events.csv", "run"])
  }

  @Test func aHangupThatIsIgnoredStaysIgnored() throws {
    let pipe = folder.file("events.csv")
    try #require(mkfifo(pipe, 0o600) == 0)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "nohup", try CommandRunner.binary(), "prepare", "--interactions", "events.csv", "--out", "made", "--quiet",
    ]
    process.arguments! += ["--min-user-events", "1", "--min-item-events", "1"]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    let writer = FileHandle(fileDescriptor: open(pipe, O_WRONLY))
    try wait("a temporary folder") { try folder.names().contains { $0.hasPrefix(".made.") } }
    for _ in 0..<3 {
      kill(process.processIdentifier, SIGHUP)
      usleep(50_000)
    }
    try writer.write(contentsOf: Data(("user,item,timestamp\n" + (0..<24).map { "u\($0 % 4),i\($0 % 6),\($0)\n" }.joined()).utf8))
    try writer.close()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    #expect(try folder.names() == ["c.yaml", "dataset", "events.csv", "made", "run"])
  }

  @Test func whatIsNotAFileIsWrittenThrough() throws {
    let user = try world.id("interactions.csv", column: 0)
    let item = try world.id("interactions.csv", column: 1)
    try folder.write("pairs.csv", "user,item\n\(user),\(item)\n")
    symlink("real.csv", folder.file("link.csv"))
    for out in ["/dev/null", "/dev/stdout", "link.csv"] {
      let outcome = try run(
        0, "", "score", "run", "--data", "dataset", "--pairs", "pairs.csv", "--out", out, "--ranks", "1", "--quiet")
      #expect(outcome.output.isEmpty == (out != "/dev/stdout"))
    }
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link.csv")) == "real.csv")
    #expect(try String(contentsOfFile: folder.file("real.csv"), encoding: .utf8).hasPrefix("user,item,score\n"))
    var status = stat()
    stat("/dev/null", &status)
    #expect(status.st_mode & S_IFMT == S_IFCHR)
  }
}
