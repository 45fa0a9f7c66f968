import Checkpoints
import Collectives
import Config
import Datasets
import Files
import Foundation
import Model
import Runs
import Tensors
import TestSupport
import Testing
import Texts
import Training

/// A run that begins with another's numbers over a data set that has grown.
struct StartingPointTests {
  private let world: TrainingWorld
  private let data: GrowingWorld

  init() throws {
    world = try TrainingWorld()
    data = try GrowingWorld()
  }

  /// Scenes and behaviors embedded, token states trained.
  private func config(_ changes: String...) throws -> RunConfig {
    var config = try world.config(
      "universal.epochs=3", "universal.token_freeze=0.3", "model.scene_embedding=true", "model.behavior_embedding=true",
      "batch.users=20")
    for change in changes {
      switch change {
      case "lazy": config.optimizer.rows = .lazyAdam
      case "concat": config.model.gateInput = .concat
      case "begun": config.universal.epochs = 0
      case "seeded": config.seed = 9
      default: Issue.record("no change is called \(change)")
      }
    }
    return config
  }

  /// Trains yesterday's model.
  private func yesterday(_ config: RunConfig) throws -> Checkpoint {
    #expect(try world.leg(config, of: "yesterday", on: data.yesterday) == .finished)
    return try newest("yesterday")
  }

  private func newest(_ run: String, phase: String = "universal") throws -> Checkpoint {
    try #require(CheckpointStore(path: world.run(run).directory.checkpointsPath(phase: phase)).all().last)
  }

  private func files(_ checkpoint: Checkpoint) throws -> [String: Data] {
    let names = checkpoint.manifest.files.map(\.name).filter { $0.hasSuffix(".safetensors") }
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: "\(checkpoint.path)/\($0)"))) })
  }

  /// Begins a run over a data set and stops it before its first step.
  private func begin(
    _ config: RunConfig, _ name: String, on dataset: Dataset, from: Checkpoint, ranks: Int = 1, drop: Bool = false
  )
    throws -> Checkpoint
  {
    let start = StartingPoint(path: from.path, dropsGoneItems: drop)
    #expect(try world.leg(config, of: name, on: dataset, from: start, ranks: ranks) == .finished)
    return try newest(name)
  }

  @Test(arguments: ["adagrad", "lazy"])
  func theSameDataSetGivesTheSameNumbers(rule: String) throws {
    let before = try yesterday(rule == "lazy" ? try config("lazy") : try config())
    for ranks in 1...3 {
      let settings = rule == "lazy" ? try config("begun", "seeded", "lazy") : try config("begun", "seeded")
      let after = try begin(settings, "begun\(ranks)", on: data.yesterday, from: before, ranks: ranks)
      #expect(after.manifest.step == 0 && after.manifest.updates == before.manifest.updates && before.manifest.updates > 0)
      let (old, new) = (try files(before), try files(after))
      #expect(
        old.keys.sorted() == [
          "dense.safetensors", "items-00000.safetensors", "optimizer.safetensors", "tokens-00000.safetensors",
        ])
      #expect(old == new)
      #expect(after.manifest.score != nil)
    }
  }

  @Test(arguments: ["adagrad", "lazy", "concat"], [true, false])
  func whatIsKnownGoesOnAndWhatIsNewStarts(change: String, isAppended: Bool) throws {
    let changes = change == "adagrad" ? nil : change
    let before = try yesterday(try changes.map { try config($0) } ?? config())
    let dataset = isAppended ? try data.appended() : try data.renumbered()
    let settings = try changes.map { try config("begun", "seeded", $0) } ?? config("begun", "seeded")
    var first: [String: Data]?
    for ranks in 1...3 {
      let after = try begin(settings, "begun\(ranks)", on: dataset, from: before, ranks: ranks)
      if let first { #expect(try files(after) == first) } else { first = try files(after) }
    }
    let after = try newest("begun1")
    try checkItems(before, after, dataset)
    let states = try #require(try ModelFactory.tokenStates(settings, dataset))
    let model = try ModelFactory.make(settings, dataset, states, communicator: SoloCommunicator())
    try checkDense(before, after, dataset, new: model)
  }

  /// Rows by their items' names: known ones as they were, new ones at the mean with a fresh optimizer.
  private func checkItems(_ before: Checkpoint, _ after: Checkpoint, _ dataset: Dataset) throws {
    let (old, new) = (try before.open("items-00000.safetensors"), try after.open("items-00000.safetensors"))
    let names = old.tensors.keys.filter { $0 != "keys" }.sorted()
    #expect(names == new.tensors.keys.filter { $0 != "keys" }.sorted() && names.count >= 2)
    let updates = try #require(names.first { $0.hasSuffix("accumulator") || $0.hasSuffix("updates") })
    let trained = try old.floats(updates, shape: [nil, 1]).map { $0 > 0 }
    #expect(trained.contains(true))
    for name in names {
      let columns = try #require(old.tensors[name]).shape[1]
      let (from, to) = (try old.floats(name, shape: [nil, nil]), try new.floats(name, shape: [nil, nil]))
      var mean = [Double](repeating: 0, count: columns)
      for row in trained.indices where trained[row] {
        for column in 0..<columns { mean[column] += Double(from[row * columns + column]) / Double(trained.count { $0 }) }
      }
      for item in 0..<dataset.items.count {
        let row = Array(to[item * columns..<(item + 1) * columns])
        if let index = data.yesterday.items.index(of: dataset.items.id(item)) {
          #expect(row == Array(from[index * columns..<(index + 1) * columns]))
        } else if name == "ids" {
          for (value, expected) in zip(row, mean) { #expect(abs(Double(value) - expected) < 1e-7) }
        } else {
          #expect(row.allSatisfy { $0 == 0 })
        }
      }
    }
    try checkTokens(before, after, dataset)
  }

  private func checkTokens(_ before: Checkpoint, _ after: Checkpoint, _ dataset: Dataset) throws {
    /// States and accumulators of each item, by its name.
    func rows(_ checkpoint: Checkpoint, _ dataset: Dataset) throws -> [String: [Float]] {
      let file = try checkpoint.open("tokens-00000.safetensors")
      let counts = try file.values("token_counts", as: Int32.self, .i32, shape: [dataset.items.count])
      var rows: [String: [Float]] = [:]
      for name in file.tensors.keys.sorted() where name != "token_counts" {
        let (values, columns) = (try file.floats(name, shape: [nil, nil]), try #require(file.tensors[name]).shape[1])
        var start = 0
        for item in 0..<dataset.items.count {
          rows[dataset.items.id(item), default: []] += values[start..<start + Int(counts[item]) * columns]
          start += Int(counts[item]) * columns
        }
      }
      return rows
    }
    let (old, new) = (try rows(before, data.yesterday), try rows(after, dataset))
    let states = try TokenStates(dataset: dataset)
    var fresh = 0
    for item in 0..<dataset.items.count {
      let id = dataset.items.id(item)
      if let row = old[id], !row.isEmpty {
        #expect(new[id] == row)
        continue
      }
      // New, or known without a text until now.
      fresh += 1
      var own = [Float](repeating: 0, count: states.tokenCount(item) * states.dimension)
      own.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { states.copyStates(item, into: base) } }
      #expect(try #require(new[id]).starts(with: own) && !own.isEmpty)
      #expect(try #require(new[id]).dropFirst(own.count).allSatisfy { $0 == 0 })
    }
    #expect(fresh == 7)
  }

  /// Embeddings of scenes and behaviors by name, the gate's rows by place, everything else as it was; moments alike.
  private func checkDense(_ before: Checkpoint, _ after: Checkpoint, _ dataset: Dataset, new model: PreciseModel) throws {
    #expect(dataset.scenes.count == 3 && dataset.behaviors.count == 3 && data.yesterday.scenes.count == 2)
    for (file, endings) in [("dense.safetensors", [""]), ("optimizer.safetensors", [".first_moment", ".second_moment"])] {
      let (old, new) = (try before.open(file), try after.open(file))
      #expect(old.tensors.keys.sorted() == new.tensors.keys.sorted())
      for ending in endings {
        for parameter in model.parameters.parameters {
          let name = parameter.name + ending
          let (from, to) = (
            try old.floats(name, shape: try #require(old.tensors[name]).shape), try new.floats(name, shape: parameter.shape)
          )
          let columns = parameter.value.columns
          for row in 0..<parameter.value.rows {
            let value = Array(to[row * columns..<(row + 1) * columns])
            if let source = source(parameter.name, row, dataset), source * columns < from.count {
              #expect(value == Array(from[source * columns..<(source + 1) * columns]), "\(name), row \(row)")
            } else {
              #expect(value == (ending.isEmpty ? (0..<columns).map { parameter.value[row, $0] } : value.map { _ in 0 }))
            }
          }
        }
      }
    }
  }

  private func source(_ parameter: String, _ row: Int, _ dataset: Dataset) -> Int? {
    switch parameter {
    case "scene": data.yesterday.scenes.firstIndex(of: dataset.scenes[row])
    case "behavior": data.yesterday.behaviors.firstIndex(of: dataset.behaviors[row])
    default: row
    }
  }

  @Test func goneItemsAreRefusedUnlessTheyMayGo() throws {
    let before = try yesterday(try config())
    let today = try data.today()
    let gone = (0..<data.yesterday.items.count).count { today.items.index(of: data.yesterday.items.id($0)) == nil }
    #expect(gone > 0)
    let error = #expect(throws: InputError.self) { try begin(try config("begun"), "refused", on: today, from: before) }
    let sentence = try #require(error?.description)
    #expect(sentence.contains("\(gone) items") && sentence.contains("--append") && sentence.contains("--drop-gone-items"))
    let after = try begin(try config("begun"), "dropped", on: today, from: before, ranks: 2, drop: true)
    try checkItems(before, after, today)
    let line = try String(contentsOfFile: world.run("dropped").directory.metricsPath, encoding: .utf8).split(separator: "\n")[0]
    #expect(line.contains("\"gone_items\":\(gone)") && line.contains("\"new_items\":6") && line.contains(before.path))
  }

  @Test func everyKeyThatDecidesExtentsIsNamedAtOnce() throws {
    let before = try yesterday(try config())
    var other = try config("begun", "lazy", "concat")
    (other.model.idDim, other.model.layers, other.model.length, other.optimizer.learningRate) = (16, 2, 9, 0.5)
    let error = #expect(throws: ConfigProblems.self) { try begin(other, "other", on: data.yesterday, from: before) }
    #expect(
      error?.problems.map(\.keyPath) == ["model.id_dim", "model.gate_input", "model.layers", "model.length", "optimizer.rows"])
    let tokens = #expect(throws: InputError.self) { try begin(try config("begun"), "longer", on: data.longer(), from: before) }
    #expect(
      tokens?.description.contains("3 tokens of 6) than the data set has (hashed, 4 tokens of 6") == true, "\(tokens as Any)")
  }

  @Test func onlyAUniversalPhaseIsABeginning() throws {
    var config = try config()
    config.targeted = [TargetedConfig()]
    (config.targeted[0].name, config.targeted[0].epochs) = ("all", 1)
    _ = try yesterday(config)
    let start = StartingPoint(path: try newest("yesterday", phase: "all").path)
    let error = #expect(throws: InputError.self) { try world.leg(config, of: "next", on: data.yesterday, from: start) }
    #expect(error?.description.contains("is of the phase all") == true)
    let none = #expect(throws: InputError.self) {
      try world.leg(config, of: "none", on: data.yesterday, from: StartingPoint(path: "\(start.checkpoint)/nothing"))
    }
    #expect(none?.description.contains("is neither a checkpoint nor a run directory") == true)
    // The run stands for its universal phase.
    let run = StartingPoint(path: try world.run("yesterday").directory.path)
    #expect(try world.leg(config, of: "next", on: data.yesterday, from: run, ranks: 2) == .finished)
    let record = try world.run("next").directory.record()
    let result = try CheckpointStore(path: "\(run.checkpoint)/checkpoints/universal").result()
    #expect(record.from?.checkpoint == result?.path)
    #expect(record.from?.manifestChecksum?.count == 8)
  }

  /// A job that always gives `--from` and `--resume`, killed again and again.
  @Test(arguments: [1, 3])
  func legsAreBitIdenticalToTheStraightRun(ranks: Int) throws {
    var config = try config("seeded")
    config.checkpoint.everySteps = 2
    let before = try yesterday(try self.config())
    let (start, dataset) = (StartingPoint(path: before.path), try data.appended())
    #expect(try world.leg(config, of: "straight", on: dataset, from: start, ranks: ranks) == .finished)
    var (legs, end) = (0, Trainer.Outcome?.none)
    while end != .finished {
      legs += 1
      try #require(legs < 100, "a run that gets nowhere")
      do {
        end = try world.leg(config, of: "legs", on: dataset, from: start, ranks: ranks, resuming: true, stopAfter: 1 + 2 * legs)
      } catch {
        #expect("\(error)".contains("stopped by"), "\(error)")
      }
    }
    #expect(legs > 3)
    #expect(try files(newest("legs")) == files(newest("straight")))
    let losses = try ["legs", "straight"].map {
      try column("loss", of: "universal", TrainedRun(path: world.run($0).directory.path))
    }
    #expect(losses[0] == losses[1] && !losses[0].isEmpty)
    #expect(try column("known_items", of: "universal", world.run("legs")) == [30])
  }

  @Test func aRunKnowsWhatItBeganWith() throws {
    let config = try config("seeded")
    let before = try yesterday(try self.config())
    let (start, dataset) = (StartingPoint(path: before.path), try data.appended())
    #expect(try world.leg(config, of: "straight", on: dataset, from: start) == .finished)
    // Stopped while loading: there is no checkpoint yet, and nobody says --from again.
    let stop = #expect(throws: (any Error).self) {
      try world.leg(config, of: "forgetful", on: dataset, from: start, stopAfter: 2)
    }
    #expect("\(stop as Any)".contains("stopped by"))
    #expect(try world.leg(config, of: "forgetful", on: dataset, resuming: true) == .finished)
    #expect(try files(newest("forgetful")) == files(newest("straight")))
    _ = try? world.leg(config, of: "changed", on: dataset, from: start, stopAfter: 2)
    _ = try before.evaluated(by: "mrr", score: 0.125)
    let error = #expect(throws: InputError.self) { try world.leg(config, of: "changed", on: dataset, resuming: true) }
    #expect(error?.description.contains("has changed since the run began") == true)
  }
}
