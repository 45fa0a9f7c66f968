import Foundation
import TestSupport
import Testing

/// `precise watch` and `precise inspect` of runs in every state.
struct WatchCommandTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  private func copy() throws -> String {
    let run = folder.file("run")
    try FileManager.default.copyItem(atPath: world.run, toPath: run)
    return run
  }

  @Test func aFinishedRunIsToldAndLeft() throws {
    let run = try copy()
    let watch = try CommandRunner.run("watch", run, "--every", "0.1")
    #expect(watch.code == 0 && watch.output.hasSuffix("\(run): finished\n"), "\(watch)")
    #expect(watch.output.contains("universal: result: step "), "\(watch.output)")
    #expect(watch.errors.contains("universal, step ") && !watch.errors.contains("\u{1B}"), "\(watch.errors)")
    let inspect = try CommandRunner.run("inspect", run)
    #expect(inspect.output.contains("\nstate: finished\n"), "\(inspect.output)")
  }

  @Test func aFailedRunEndsWith70AndAnUnfinishedOneWith75() throws {
    let run = try copy()
    // As if it had been killed before its end.
    try FileManager.default.removeItem(atPath: "\(run)/checkpoints")
    let lines = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    let begun = lines.filter { !$0.contains("\"result_step\"") }.joined(separator: "\n") + "\n"
    try begun.write(toFile: "\(run)/metrics.jsonl", atomically: true, encoding: .utf8)
    let stopped = try CommandRunner.run("watch", run)
    #expect(stopped.code == 75 && stopped.output.contains("stopped before its end"), "\(stopped)")
    let failure = "{\"rank\": 1, \"host\": \"h\", \"cause\": \"the cable \\u001b[2J broke\"}"
    try failure.write(toFile: "\(run)/failure.json", atomically: true, encoding: .utf8)
    let failed = try CommandRunner.run("watch", run)
    #expect(failed.code == 70 && failed.output.contains("failed: the cable") && !failed.output.contains("\u{1B}"), "\(failed)")
  }

  @Test func whatIsNoRunIsRefused() throws {
    try FileManager.default.createDirectory(atPath: folder.file("other"), withIntermediateDirectories: true)
    try folder.write("other/file.txt", "x")
    let watch = try CommandRunner.run("watch", folder.file("other"))
    #expect(watch.code == 65 && watch.errors.contains("not a run"), "\(watch)")
    #expect(try CommandRunner.run("watch", folder.file("run"), "--every", "0").code == 64)
  }

  /// A run that begins, goes on and ends while it is watched.
  @Test func aLivingRunIsFollowedToItsEnd() throws {
    let run = folder.file("run")
    let watch = Process()
    watch.executableURL = URL(fileURLWithPath: try CommandRunner.binary())
    watch.arguments = ["watch", run, "--every", "0.1"]
    let (output, errors) = (Pipe(), Pipe())
    (watch.standardOutput, watch.standardError) = (output, errors)
    try watch.run()
    let config = try folder.write(
      "c.yaml", "model: {id_dim: 8, semantic_dim: 0, layers: 1, heads: 1, length: 8}\nbatch: {users: 16}\n")
    let train = try CommandRunner.run(
      "train", "--config", config, "--data", world.dataset, "--out", run, "--ranks", "1", "--quiet", "--set",
      "universal.epochs=30")
    #expect(train.code == 0, "\(train.errors)")
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let told = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    watch.waitUntilExit()
    #expect(watch.terminationStatus == 0 && told.hasSuffix("\(run): finished\n"), "\(told)")
    #expect(said.hasPrefix("waiting for a training to begin in"), "\(said)")
    // Every evaluation is told once.
    #expect(said.split(separator: "\n").count { $0.contains(": validation recall@") } == 30, "\(said)")
  }
}
