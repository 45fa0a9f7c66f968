import Foundation
import Glibc
import Reporting
import Runs
import Supervision

/// The command of a training, as its supervisor sees it: how to start it again, and how far it has come.
final class SupervisedTraining {
  private let command: [String]
  /// Where the options of each `precise train` stand: a launcher may start several (`mpirun … : …`).
  private let invocations: [Range<Int>]
  private var before = Traces()
  /// What stood there before the first start.
  private var first = Traces()

  /// Whether the command trains, as far as its words say.
  var isTraining: Bool { !invocations.isEmpty }

  /// - Parameter programs: the names under which this program is called; the last part of a path counts.
  init(_ command: [String], programs: Set<String> = SupervisedTraining.ownNames) {
    self.command = command
    let starts = command.indices.dropLast().filter { position in
      command[position + 1] == "train" && programs.contains(Self.lastPart(command[position]))
    }
    let ends = starts.dropFirst() + [command.count]
    invocations = zip(starts, ends).map { $0 + 2..<$1 }
  }

  /// The words of a start, which is about to happen; from the second on, `precise train` goes on from what is there.
  func begin(_ start: Int) -> [String] {
    before = Traces(output)
    guard start > 0 else {
      first = before
      return command
    }
    var words = command
    for position in invocations.reversed() {
      // An older run that was to be overwritten, and is not yet, must not be gone on with.
      let isOlder = first.configuration != nil && before.configuration == first.configuration
      if words[position].contains("--overwrite") && isOlder { continue }
      var options = words[position].filter { $0 != "--overwrite" }
      if !options.contains("--resume") { options.insert("--resume", at: 0) }
      words.replaceSubrange(position, with: options)
    }
    return words
  }

  /// What the run directory says of the start that has just ended.
  func end(_ status: Int32) -> RestartPolicy.End {
    let after = Traces(output)
    let failure = after.failure == before.failure ? nil : output.flatMap { FailureRecord.read(RunDirectory(path: $0)) }
    let failed = failure?.phase.flatMap { phase in failure?.step.map { RestartPolicy.StepPosition(phase: phase, step: $0) } }
    let isHeld = output.map { RunLock.isHeld(RunDirectory(path: $0)) ?? false } ?? false
    return .init(status: status, failed: failed, before: before.reached, reached: after.reached, isHeld: isHeld)
  }

  /// The run directory that the command names.
  private var output: String? {
    for position in invocations {
      // Of an option that is given twice, the last counts.
      for index in position.reversed() {
        if command[index].hasPrefix("--out=") { return String(command[index].dropFirst("--out=".count)) }
        if command[index] == "--out", index + 1 < position.upperBound { return command[index + 1] }
      }
    }
    return nil
  }

  /// `precise`, and what this very binary is called.
  static var ownNames: Set<String> { ["precise", lastPart(CommandLine.arguments.first ?? "precise")] }

  private static func lastPart(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// What earlier starts, or an earlier run, have left in the run directory.
  private struct Traces {
    /// Which file the failure's record is; nil when there is none.
    var failure: Identity?
    /// Which file the configuration is, which a start writes once the run is its own.
    var configuration: Identity?
    /// The last step that the log has.
    var reached: RestartPolicy.StepPosition?

    init(_ output: String? = nil) {
      guard let output else { return }
      let directory = RunDirectory(path: output)
      failure = Identity(directory.failurePath)
      configuration = Identity(directory.configPath)
      reached = MetricsLog.lastPosition(path: directory.metricsPath).map {
        RestartPolicy.StepPosition(phase: $0.phase, step: $0.step)
      }
    }
  }

  /// Which file stands under a name, and when it was written.
  private struct Identity: Equatable {
    private let numbers: [Int]

    init?(_ path: String) {
      var about = stat()
      guard stat(path, &about) == 0 else { return nil }
      numbers = [Int(about.st_dev), Int(about.st_ino), about.st_mtim.tv_sec, about.st_mtim.tv_nsec]
    }
  }
}
