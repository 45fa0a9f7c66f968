import Files
package import Foundation

/// What a run's `metrics.jsonl` says, phase by phase: for whoever shows a run, while it lives or afterwards.
package struct RunHistory: Sendable, Equatable {
  /// A record and where it stands.
  package struct Entry<Record: MetricsRecord>: Sendable, Equatable {
    /// The line of the file, from 0.
    package let line: Int
    /// When it was written, in seconds since 1970; nil in files of versions that did not note it.
    package let time: Double?
    /// What it says.
    package let record: Record
  }

  /// A phase.
  package struct Phase: Sendable, Equatable {
    /// Its name.
    package let name: String
    /// Its start, and each time that it went on.
    package fileprivate(set) var begins: [Entry<BeginRecord>] = []
    /// Steps, in the order of the file.
    package fileprivate(set) var steps: [Entry<StepRecord>] = []
    /// Evaluations.
    package fileprivate(set) var evaluations: [Entry<EvaluationLine>] = []
    /// Checkpoints.
    package fileprivate(set) var checkpoints: [Entry<CheckpointRecord>] = []
    /// The experts at its end.
    package fileprivate(set) var mixture: Entry<MixtureRecord>?
    /// Where steps' time went.
    package fileprivate(set) var rankTimes: [Entry<RankTimesRecord>] = []
    /// Its end; nil while it is trained.
    package fileprivate(set) var end: Entry<EndRecord>?

    /// The steps that are known to be done.
    package var step: Int {
      max(steps.last?.record.step ?? 0, evaluations.last?.record.step ?? 0, checkpoints.last?.record.step ?? 0)
    }

    /// The best evaluation by a metric: of equal ones the earlier.
    package func best(_ metric: String) -> Entry<EvaluationLine>? {
      evaluations.filter { $0.record.mean(metric) != nil }.max {
        ($0.record.mean(metric) ?? 0, -$0.record.step) < ($1.record.mean(metric) ?? 0, -$1.record.step)
      }
    }
  }

  /// In the order in which they appear.
  package private(set) var phases: [Phase] = []
  /// What the run began with; nil for a new model.
  package private(set) var origin: Entry<OriginRecord>?
  /// Lines that are no JSON objects, empty ones left out: damage, and not the work of another version.
  package private(set) var unreadable = 0
  /// Lines that were read, understood or not.
  package private(set) var lines = 0
  /// When the last line with a time was written, in seconds since 1970.
  package private(set) var lastTime: Double?
  /// The phase of the last line.
  package private(set) var currentPhase: String?

  /// A run of which nothing is known yet.
  package init() {}

  /// Reads a file; a run without one has no history.
  ///
  /// Throws `InputError` when the file cannot be read.
  package init(path: String) throws {
    // Not mapped: a run that goes on may cut the file meanwhile.
    let follower = RunFollower(path: path)
    _ = try follower.look()
    self = follower.history
  }

  /// A phase by name.
  package subscript(phase name: String) -> Phase? { phases.first { $0.name == name } }

  /// Adds the next line of the file.
  package mutating func add(_ line: Data) {
    defer { lines += 1 }
    guard let (found, time) = MetricsLine.read(line) else {
      if !line.isEmpty && !MetricsLine.isObject(line) { unreadable += 1 }
      return
    }
    add(found, time: time)
  }

  private mutating func add(_ found: MetricsLine, time: Double?) {
    if let time { lastTime = time }
    let name = found.record.phase
    currentPhase = name
    let index = phases.firstIndex { $0.name == name } ?? phases.endIndex
    if index == phases.endIndex { phases.append(Phase(name: name)) }
    func entry<Record: MetricsRecord>(_ record: Record) -> Entry<Record> { Entry(line: lines, time: time, record: record) }
    switch found {
    case .origin(let record): origin = entry(record)
    case .begin(let record):
      phases[index].begins.append(entry(record))
      phases[index].end = nil
    case .step(let record): phases[index].steps.append(entry(record))
    case .evaluation(let record): phases[index].evaluations.append(entry(record))
    case .checkpoint(let record): phases[index].checkpoints.append(entry(record))
    case .mixture(let record): phases[index].mixture = entry(record)
    case .rankTimes(let record): phases[index].rankTimes.append(entry(record))
    case .end(let record): phases[index].end = entry(record)
    }
  }
}
