import Checkpoints
import Config
import Files
import Foundation
import Host
import Reporting
import Runs

/// What `inspect` does with a run directory; the data set need not be there.
struct RunInspection {
  /// One phase: its checkpoints and what was logged of it.
  struct Phase {
    let name: String
    let checkpoints: [Checkpoint]
    let result: Checkpoint?
    let logged: RunHistory.Phase?

    var last: StepRecord? { logged?.steps.last?.record }
    var mixture: MixtureView? { (logged?.mixture?.record).map(MixtureView.init) }
  }

  private let directory: RunDirectory
  private let record: RunDirectory.Record
  private let config: RunConfig
  private let phases: [Phase]
  private let evaluation: JSONValue
  private let state: RunState
  private let history: RunHistory

  init(path: String) throws {
    directory = RunDirectory(path: path)
    record = try directory.record()
    let config = try ConfigReader.read(file: directory.configPath)
    self.config = config
    let names = ["universal"] + config.targeted.map(\.name)
    let history = try RunHistory(path: directory.metricsPath)
    (state, self.history) = (RunState(directory, config, history), history)
    phases = try names.map { [directory] name in
      let store = CheckpointStore(path: directory.checkpointsPath(phase: name))
      return Phase(
        name: name, checkpoints: store.all(), result: try store.result(), logged: history[phase: name])
    }
    evaluation = try EvaluationRecord(path: directory.evaluationPath).json
  }

  func run(json: Bool, verify: Bool) throws {
    if verify {
      for checkpoint in phases.flatMap(\.checkpoints) { try checkpoint.verify() }
    }
    print(json ? object(verified: verify).indented : lines(verified: verify).joined(separator: "\n"))
  }

  // MARK: For people

  private func lines(verified: Bool) -> [String] {
    let missing = FileManager.default.fileExists(atPath: record.dataset) ? "" : ", which is not there now"
    var lines = ["run \(directory.path) on the data set \(record.dataset) (checksum \(record.checksum))\(missing)"]
    lines.append("state: \(printable(state.sentence))")
    if state.isRunning, let progress = history.progress(now: WallClock.seconds()) { lines.append("now: " + progress.line) }
    if history.unreadable > 0 { lines.append("metrics.jsonl: \(HumanFormat.count(history.unreadable, "line")) cannot be read") }
    if let states = record.tokenStates { lines.append("token states: checksum \(states)") }
    if let from = record.from { lines.append("began with \(from.checkpoint) (manifest \(from.manifestChecksum ?? "unknown"))") }
    let changed = config.changedKeys
    lines.append(changed.isEmpty ? "every key has its default" : "keys that differ from their defaults:")
    lines += changed.map { "  \($0.key): \($0.value)" }
    lines += phaseTable + evaluationLines + phases.compactMap(\.mixture).flatMap(\.lines)
    lines += ["files:"] + files.map { "  \($0.name), \(HumanFormat.bytes($0.bytes))" }
    lines.append(verified ? "all checkpoints' checksums are in order" : "--verify compares the checkpoints' checksums")
    return lines
  }

  private var phaseTable: [String] {
    var table = TextTable([
      ("phase", .left), ("checkpoints", .right), ("result", .left), ("epoch", .right), ("chosen by", .left), ("value", .right),
      ("size", .right), ("last logged step", .right), ("loss", .right),
    ])
    for phase in phases {
      let manifest = phase.result?.manifest
      table.append([
        phase.name, "\(phase.checkpoints.count)", phase.result.map { "step \($0.manifest.step)" } ?? standing(phase),
        manifest.map { HumanFormat.decimal($0.epoch, 2) } ?? "", manifest?.selectedBy ?? "",
        manifest?.score.map { HumanFormat.decimal($0, 4) } ?? "",
        phase.result.map { HumanFormat.bytes(CheckpointInspection.bytes($0)) } ?? "", phase.last.map { "\($0.step)" } ?? "",
        phase.last?.loss.map { HumanFormat.decimal($0, 4) } ?? "",
      ])
    }
    return table.lines
  }

  /// What stands in place of a result.
  private func standing(_ phase: Phase) -> String {
    guard state.isRunning else { return "not trained" }
    return history.currentPhase == phase.name ? "in training" : "to come"
  }

  /// All users' recall@10, NDCG@10 and MRR of each phase and split in evaluation.json, where it has them.
  private var evaluationLines: [String] {
    guard case .object(let phases) = evaluation, !phases.isEmpty else { return ["not evaluated yet"] }
    var table = TextTable([
      ("evaluated", .left), ("split", .left), ("users", .right), ("recall@10", .right), ("ndcg@10", .right), ("mrr", .right),
    ])
    for phase in phases {
      guard case .object(let splits) = phase.value else { continue }
      for split in splits {
        let cells = ["recall@10", "ndcg@10", "mrr"].map { name in
          split.value["all"]?[name]?.number.map { HumanFormat.decimal($0, 4) } ?? "-"
        }
        let users = split.value["all"]?["users"]?.number.flatMap(Int.init(exactly:)).map(HumanFormat.count) ?? "-"
        table.append([phase.key, split.key, users] + cells)
      }
    }
    return table.lines
  }

  // MARK: For programs

  private func object(verified: Bool) -> JSONValue {
    [
      "kind": "run", "path": .string(directory.path), "state": .string(state.word), "state_detail": .string(state.sentence),
      "verified": .bool(verified), "dataset": .string(record.dataset),
      "dataset_checksum": .string(record.checksum),
      "token_states_checksum": record.tokenStates.map { .string($0) } ?? .null,
      "from": record.from.map { .string($0.checkpoint) } ?? .null,
      "config": .object(config.changedKeys.map { .init($0.key, .string($0.value)) }), "phases": .array(phases.map(object)),
      "evaluation": evaluation,
      "files": .array(files.map { ["path": .string($0.name), "bytes": .int($0.bytes)] }),
    ]
  }

  private func object(_ phase: Phase) -> JSONValue {
    let checkpoints = phase.checkpoints.map { checkpoint -> JSONValue in
      [
        "path": .string(checkpoint.path), "step": .int(checkpoint.manifest.step), "epoch": .double(checkpoint.manifest.epoch),
        "selected_by": checkpoint.manifest.selectedBy.map { .string($0) } ?? .null,
        "score": checkpoint.manifest.score.map { .double($0) } ?? .null,
        "bytes": .int(CheckpointInspection.bytes(checkpoint)),
      ]
    }
    let last = phase.last.map { line -> JSONValue in
      [
        "step": .int(line.step), "loss": line.loss.map { .double($0) } ?? .null,
        "positions_per_s": line.positionsPerS.map { .double($0) } ?? .null,
      ]
    }
    return [
      "name": .string(phase.name), "result": phase.result.map { .string($0.path) } ?? .null, "checkpoints": .array(checkpoints),
      "last": last ?? .null, "mixture": phase.mixture?.json ?? .null,
    ]
  }

  // MARK: Both

  /// Every file outside `checkpoints/`, by name.
  private var files: [(name: String, bytes: Int)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.sorted().compactMap { name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(directory.path)/\(name)")
      guard attributes?[.type] as? FileAttributeType == .typeRegular else { return nil }
      return (name, (attributes?[.size] as? Int) ?? 0)
    }
  }
}
