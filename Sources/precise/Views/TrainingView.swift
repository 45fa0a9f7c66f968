import Collectives
import Config
import Costs
import Datasets
import Files
import Foundation
import Model
import Reporting
import Runs
import Texts
import Training

/// What `train` says before the first step and after the last: what is trained on what and where to, and what came of it.
struct TrainingView {
  let config: RunConfig
  let dataset: Dataset
  let states: TokenStates?
  let lengths: [PhasePlan.Length]
  /// The run's folder, as it was given.
  let output: String

  // MARK: Before

  func start(_ communicator: any Communicator, precision: String) throws -> [String] {
    let manifest = dataset.manifest
    return [
      "data    \(printable(dataset.path)): \(HumanFormat.count(manifest.users, "user")), \(HumanFormat.count(manifest.items, "item")), "
        + "\(HumanFormat.count(manifest.events, "event")), \(HumanFormat.count(dataset.scenes.count, "scene"))",
      "model   \(try model(communicator)), \(precision)",
      "phases  \(phases)",
      "writes  \(printable(output)): \(checkpoints)",
    ]
      + (Launch.detect(ProcessInfo.processInfo.environment) == nil
        ? [] : ["watch   precise watch \(NextCommands.word(output)) shows it from another terminal"])
  }

  private func model(_ communicator: any Communicator) throws -> String {
    let shape = ModelFactory.shape(config, dataset, states, userHead: nil)
    let dense = try StepEstimate.all(config, dataset, only: "universal", ranks: communicator.size).first?.parameters ?? 0
    let all = ModelFactory.parameters(dense, shape.fusion, dataset, states)
    let rows = dataset.items.count * shape.fusion.idWidth
    let parts = [
      ("dense", dense), ("of item rows", rows), ("of token states", all - dense - rows),
    ].filter { $0.1 > 0 }.map { "\(HumanFormat.count($0.1)) \($0.0)" }
    return
      "\(HumanFormat.count(all, "parameter")) (\(parts.joined(separator: ", "))), \(HumanFormat.count(config.model.layers, "block"))"
      + ", width \(shape.fusion.width), length \(config.model.length)"
  }

  private var phases: String {
    guard !lengths.isEmpty else { return "none makes a step" }
    return lengths.map { length in
      let epochs = length.plan.steps == nil ? " (\(HumanFormat.count(length.plan.epochs, "epoch")))" : ""
      return "\(length.plan.name) \(HumanFormat.count(length.steps, "step"))\(epochs), \(HumanFormat.count(length.users, "user"))"
    }.joined(separator: "; ")
  }

  private var checkpoints: String {
    let checkpoint = config.checkpoint
    let times = [
      checkpoint.everySteps.map { "every \(HumanFormat.count($0, "step"))" },
      checkpoint.everyMinutes.map { "every \($0) minutes" }, "after each phase",
    ].compactMap { $0 }
    let patience = config.evaluation.patience.map {
      "; ends a phase after \(HumanFormat.count($0, "evaluation")) without a better one"
    }
    return "checkpoints \(times.joined(separator: ", "))\(patience ?? "")"
  }

  // MARK: After

  /// What the phases were worth, and commands that go on from here.
  ///
  /// - Parameter columns: a table that is wider is left out: each phase has said the same at its end.
  func end(_ outcomes: [PhaseOutcome], columns: Int) -> [String] {
    let run = NextCommands.word(output)
    let next = ["precise evaluate \(run)", "precise report \(run) --out \(NextCommands.free("report", ".html"))"]
    let table = PhaseOutcome.table(outcomes)
    let fits = outcomes.count > 1 && table.allSatisfy { TextTable.width($0) < columns }
    return ["the run is in \(printable(output))"] + (fits ? table : [])
      + NextCommands.lines(next)
  }
}
