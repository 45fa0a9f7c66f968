import Datasets
import Files
import Foundation
import Reporting
import Runs
import TestSupport

extension FuzzTarget {
  /// A run directory: `run.json`, `config.yaml`, `metrics.jsonl`, `evaluation.json`.
  static var run: FuzzTarget {
    FuzzTarget("run", seeds: runSeeds) { folder in
      let whole = try FuzzWorld(folder).run()
      return { input in
        for (name, bytes) in zip(runFiles, InputParts.split(input, into: runFiles.count)) { folder.put("run/\(name)", bytes) }
        let directory = RunDirectory(path: whole.directory.path)
        attempt { _ = try directory.record() }
        attempt { try open(whole) }
        attempt {
          let record = try EvaluationRecord(path: directory.evaluationPath)
          _ = record.json.indented
          try record.write()
        }
        attempt { try resume(directory.metricsPath) }
      }
    }
  }

  private static let runFiles = ["run.json", "evaluation.json", "metrics.jsonl", "config.yaml"]

  private static func runSeeds(_ folder: TemporaryFolder) throws -> [[UInt8]] {
    let whole = try FuzzWorld(folder).run()
    return [InputParts.join(try runFiles.map { try contents("\(whole.directory.path)/\($0)") })]
  }

  private static func open(_ whole: TrainedRun) throws {
    let run = try TrainedRun(path: whole.directory.path, data: whole.dataset.path)
    for phase in try run.trainedPhases { _ = try run.checkpoint(phase) }
    _ = try run.phase(named: nil)
  }

  /// TensorBoard's event file, as a run reads it that goes on: what stays is whole records, and reads the same again.
  static var events: FuzzTarget {
    FuzzTarget("events", seeds: eventSeeds) { folder in
      let path = folder.file("events.out.tfevents.1.h")
      return { input in
        folder.put("events.out.tfevents.1.h", input)
        attempt { try TensorBoardFile.keep(folder: folder.path, phases: ["universal", "like"]) { $0.phase == "like" } }
        let once = try? MappedFile(path: path).withBytes { CRC32.of($0) }
        attempt { try TensorBoardFile.keep(folder: folder.path, phases: ["universal", "like"]) { $0.phase == "like" } }
        must((try? MappedFile(path: path).withBytes { CRC32.of($0) }) == once, "a second look removes more")
      }
    }
  }

  private static func eventSeeds(_ folder: TemporaryFolder) throws -> [[UInt8]] {
    let writer = try TensorBoardWriter(folder: folder.path, time: 1, host: "h")
    for step in 1...2 {
      try writer.append(step: step, [("universal/loss", 1), ("universal/grad_norm", 2)], time: 2)
      try writer.append(step: step, [("like/validation/mrr", 1)], time: 2)
    }
    return [try contents(writer.path)]
  }

  /// Cuts the log as a run does that goes on, and adds a line; lines that stay must be whole.
  private static func resume(_ path: String) throws {
    _ = MetricsLog.lastPosition(path: path)
    try MetricsLog.keep(path: path) { $0.phase == "universal" && $0.step <= 2 && !$0.isEvaluation }
    try MetricsLog(path: path).append(CheckpointRecord(phase: "universal", step: 3, milliseconds: 1, isAsynchronous: false))
    let history = try RunHistory(path: path)
    _ = history.progress(now: 0)?.lines(columns: 80)
    let follower = RunFollower(path: path)
    must(try follower.look() && follower.history == history, "a follower reads something else")
    let text = try contents(path)
    let lines = text.split(separator: 10, omittingEmptySubsequences: false)
    must(lines.count >= 2 && lines[lines.count - 2].starts(with: "{\"phase\":".utf8), "the last line: \(lines.suffix(2))")
  }
}
