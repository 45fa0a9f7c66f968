import Ablation
import Checkpoints
import Config
import Datasets
import Files
import Foundation
import Runs
import Supervision
import Texts

/// The runs of a grid: what each of them still needs, a command at a time, and what they have brought.
final class AblationRuns {
  /// One variant with one seed.
  private struct Run {
    let variant: AblationGrid.Variant
    let seed: UInt64
    let config: RunConfig
    let data: String
    /// Whether it measures what needs no training, for all runs of its data set.
    let hasBaselines: Bool
    /// What is known of it.
    var record: AblationRecord
    /// What the command under way, or the last one, is to bring.
    var step: Step?

    var name: String { "\(variant.name), seed \(seed)" }
  }

  /// What a command is to bring.
  private enum Step: Equatable {
    case train
    /// `phase`: nil evaluates all of them.
    case evaluate(AblationGrid.Setting, split: String, phase: String?)
  }

  /// Told of what begins and ends, a sentence each.
  var note: (String) -> Void = { _ in }
  /// What did not come to its end, a sentence each.
  private(set) var failures: [String] = []
  private let grid: AblationGrid
  private let folder: AblationFolder
  private let ranks: Int
  private var runs: [Run] = []
  private var data: [String: AblationResults.Data] = [:]
  /// Items of each data set.
  private var items: [String: Int] = [:]
  /// This binary.
  private let program: String

  var count: Int { runs.count }

  /// Resolves every run and looks at its data set, so that a wrong variant is found before anything is trained.
  ///
  /// Throws `ConfigProblems` and `InputError`.
  init(_ grid: AblationGrid, _ folder: AblationFolder, ranks: Int) throws {
    (self.grid, self.folder, self.ranks) = (grid, folder, ranks)
    program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    let measuring = try Self.measuringBaselines(grid)
    var datasets: [String: Dataset] = [:]
    for variant in grid.variants {
      guard let path = grid.data(of: variant) else { continue }
      let dataset = try datasets[path] ?? Dataset(path: path)
      (datasets[path], items[path]) = (dataset, dataset.items.count)
      data[variant.name] = .init(path: path, checksum: dataset.manifest.checksum)
      for setting in grid.settings {
        let evaluated = try grid.resolve(variant, seed: grid.seeds[0], evaluated: setting)
        try checkConfiguration(evaluated, dataset, file: "\(grid.file), variant \(variant.name)")
      }
      for seed in grid.seeds {
        let config = try grid.resolve(variant, seed: seed)
        let states = try ModelFactory.tokenStates(config, dataset)
        let record = AblationRecord(
          config: ConfigWriter.text(config), dataset: dataset.manifest.checksum, tokenStates: states?.checksum)
        let hasBaselines = seed == grid.seeds[0] && measuring.contains(variant.name)
        runs.append(
          Run(variant: variant, seed: seed, config: config, data: path, hasBaselines: hasBaselines, record: record))
      }
    }
    try checkPhases()
  }

  /// The variants that measure what needs no training, which depends on data set and phase alone: of each, the base where it has it, else
  /// the first that has.
  private static func measuringBaselines(_ grid: AblationGrid) throws -> Set<String> {
    var (measuring, known) = (Set<String>(), Set<[String]>())
    let base = grid.variants.filter { $0.name == grid.base }
    for variant in base + grid.variants.filter({ $0.name != grid.base }) {
      guard let data = grid.data(of: variant) else { continue }
      for phase in phases(try grid.resolve(variant, seed: grid.seeds[0])) where known.insert([data, phase]).inserted {
        measuring.insert(variant.name)
      }
    }
    return measuring
  }

  /// Throws when a phase is in no variant.
  private func checkPhases() throws {
    let known = runs.reduce(into: [String]()) { known, run in
      for phase in Self.phases(run.config) where !known.contains(phase) { known.append(phase) }
    }
    guard let wrong = grid.phases?.first(where: { !known.contains($0) }) else { return }
    throw CommandFailure(
      PreciseExit.usage, "\(grid.file): phases: no variant has a phase \(wrong); they have \(known.joined(separator: ", "))")
  }

  private static func phases(_ config: RunConfig) -> [String] { ["universal"] + config.targeted.map(\.name) }

  /// Reads what is there, or loses it.
  ///
  /// Throws `ConfigProblems` when a run was trained with other settings, and `InputError` when on other data: before anything is trained.
  func open(overwrites: Bool) throws {
    for index in runs.indices {
      let run = runs[index]
      try folder.makeFolders(run.variant.name)
      let (path, directory) = (
        folder.record(run.variant.name, seed: run.seed), RunDirectory(path: folder.run(run.variant.name, seed: run.seed))
      )
      if overwrites {
        if try directory.checkStanding() == .run {
          try withExtendedLifetime(RunLock(directory)) { try OutputFolder.remove(directory.path) }
        }
        if FileManager.default.fileExists(atPath: path) { try OutputFolder.remove(path) }
        continue
      }
      let found = try AblationRecord(path: path)
      if directory.exists { try check(run, ConfigReader.read(file: directory.configPath), directory) }
      guard let found else { continue }
      guard found.dataset == run.record.dataset && found.tokenStates == run.record.tokenStates else {
        throw InputError(
          "\(run.name) was trained on other data than \(run.data) has now; give another --out, or --overwrite to train it anew")
      }
      let old = try ConfigReader.read(text: found.config, name: path)
      try check(run, old, directory)
      // Where cut-offs or the like have changed, a training that has nothing left to do takes them over, and the run is evaluated anew.
      // By value: the text has comments, which other versions of the program word differently.
      if old == run.config { runs[index].record = found }
    }
  }

  private func check(_ run: Run, _ old: RunConfig, _ directory: RunDirectory) throws {
    let problems = ResumeRules.problems(old, run.config)
    guard !problems.isEmpty else { return }
    throw ConfigProblems(
      file: "\(grid.file), variant \(run.variant.name), which \(directory.path) was trained as", problems: problems)
  }

  /// How far it has come.
  var summary: String {
    let (whole, trained) = (runs.count { needed($0) == nil }, runs.count { $0.record.isTrained })
    func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
    return "\(count(runs.count, "run")) (\(count(grid.variants.count, "variant")), \(count(grid.seeds.count, "seed"))): "
      + "\(trained) trained, \(whole) evaluated"
  }

  /// Takes note of how a run's command ended; whether the run goes on.
  func ended(_ index: Int, _ status: Int32) -> Bool {
    guard let step = runs[index].step else { return false }
    do {
      return try finish(index, step, status)
    } catch {
      fail(index, "\(error)")
      return false
    }
  }

  /// The next command of a run; nil when it has come to its end.
  func next(_ index: Int) -> JobPool.Job? {
    guard let step = needed(runs[index]) else {
      if runs[index].step == nil { note("\(runs[index].name): is whole already") }
      return nil
    }
    guard step != runs[index].step else {
      fail(index, "what it printed does not have what was asked for")
      return nil
    }
    runs[index].step = step
    note("\(runs[index].name): \(words(step))")
    return job(runs[index], step)
  }

  /// What a run lacks; nil when it is whole.
  private func needed(_ run: Run) -> Step? {
    guard run.record.isTrained else { return .train }
    let wanted = Self.phases(run.config).filter { grid.phases?.contains($0) ?? true }
    for setting in grid.settings {
      for split in ["validation", "test"] {
        guard let phase = wanted.first(where: { !run.record.has($0, setting: setting.label, split: split) }) else { continue }
        return .evaluate(setting, split: split, phase: grid.phases == nil ? nil : phase)
      }
    }
    return nil
  }

  private func words(_ step: Step) -> String {
    switch step {
    case .train: return "training"
    case .evaluate(let setting, let split, let phase):
      let how = setting.overrides.isEmpty ? "" : ", \(setting.label)"
      return "evaluating \(phase ?? "every phase") on \(split) events\(how)"
    }
  }

  private func job(_ run: Run, _ step: Step) -> JobPool.Job {
    let (directory, log) = (folder.run(run.variant.name, seed: run.seed), folder.log(run.variant.name, seed: run.seed))
    let ranks = ["--ranks", String(ranks)]
    switch step {
    case .train:
      let settings = grid.settings(run.variant, seed: run.seed).flatMap { ["--set", $0] }
      return JobPool.Job(
        words: [program, "train", "--config", grid.config, "--data", run.data, "--out", directory, "--resume"] + settings + ranks,
        log: log)
    case .evaluate(let setting, let split, let phase):
      var settings = setting.overrides.flatMap { ["--set", $0.text] }
      if split == "test" {
        settings += ["--per-user", folder.users(run.variant.name, seed: run.seed), "--overwrite"]
      }
      // Validation events are for choosing among variants.
      if split != "test" || !run.hasBaselines { settings.append("--no-baselines") }
      return JobPool.Job(
        words: [program, "evaluate", directory, "--data", run.data, "--split", split, "--json", "--quiet"]
          + (phase.map { ["--phase", $0] } ?? []) + settings + ranks,
        output: folder.printed(run.variant.name, seed: run.seed), log: log)
    }
  }

  /// Takes note of an end; false when the run goes no further.
  private func finish(_ index: Int, _ step: Step, _ status: Int32) throws -> Bool {
    let run = runs[index]
    let printed = folder.printed(run.variant.name, seed: run.seed)
    let users = folder.users(run.variant.name, seed: run.seed)
    defer { for path in [printed, users] { unlink(path) } }
    guard status == 0 else {
      // Asked to stop, it has saved; the rest is for --resume.
      if status != 75 && status != 128 + SIGUSR1 { fail(index, "\(words(step)) ended with \(status)\(lastWords(run))") }
      return false
    }
    switch step {
    case .train:
      runs[index].record.isTrained = true
      if grid.keep == .results { try keepResults(run) }
    case .evaluate(let setting, let split, _):
      try runs[index].record.add(SmallFile.read(printed), setting: setting.label, split: split)
      if split == "test" {
        try runs[index].record.add(RanksByTrainingEvents.read(path: users), setting: setting.label, split: split)
      }
    }
    try runs[index].record.write(to: folder.record(run.variant.name, seed: run.seed))
    return true
  }

  private func keepResults(_ run: Run) throws {
    let directory = RunDirectory(path: folder.run(run.variant.name, seed: run.seed))
    for phase in Self.phases(run.config) {
      try CheckpointStore(path: directory.checkpointsPath(phase: phase)).keepResult()
    }
  }

  private func fail(_ index: Int, _ reason: String) {
    let sentence = "\(runs[index].name): \(reason)"
    failures.append(sentence)
    note(sentence)
  }

  /// The last line of a run's log, and where the log is.
  private func lastWords(_ run: Run) -> String {
    let path = folder.log(run.variant.name, seed: run.seed)
    let text = (try? SmallFile.read(path)).map { String(decoding: $0.suffix(4_096), as: UTF8.self) } ?? ""
    let line = text.split(separator: "\n").last { !$0.allSatisfy { $0 == " " } }
    return line.map { " (\($0); the whole in \(path))" } ?? " (see \(path))"
  }

  /// What the runs have brought so far.
  func results(command: String) -> AblationResults {
    var records: [String: [UInt64: AblationRecord]] = [:]
    var curves: [String: [UInt64: [String: LearningCurve]]] = [:]
    for run in runs {
      records[run.variant.name, default: [:]][run.seed] = run.record
      // The last line is that of the last step only once all steps are done.
      guard run.record.isTrained else { continue }
      let log = RunDirectory(path: folder.run(run.variant.name, seed: run.seed)).metricsPath
      curves[run.variant.name, default: [:]][run.seed] = LearningCurve.read(log, run.config, items: items[run.data] ?? 0)
    }
    return AblationResults(grid, command: command, data: data, records: records, curves: curves, failures: failures)
  }
}
