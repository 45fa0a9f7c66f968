import Collectives
import Config
import Datasets
import Files
import Logging
import Runs

/// What becomes of a phase's steps whose numbers have gone wrong: described, kept for diagnosis, left out, or the end of the run.
final class FaultySteps {
  /// The most bundles that a run keeps: a run that goes on all the same must not fill the disk with them.
  private static let mostBundles = 8
  private let phase: String
  private let config: RunConfig
  private let dataset: Dataset
  private let directory: RunDirectory
  private let communicator: any Communicator
  private let logger = Logger(label: "precise.training")
  private var inARow = 0

  init(_ phase: String, _ config: RunConfig, _ dataset: Dataset, _ directory: RunDirectory, communicator: any Communicator) {
    self.phase = phase
    self.config = config
    self.dataset = dataset
    self.directory = directory
    self.communicator = communicator
  }

  /// Throws, on every rank, unless the step may be left out; collective.
  func handle(_ fault: StepFault) throws {
    inARow += 1
    let error = try describe(fault)
    guard inARow <= config.guards.skipNonfinite else { throw error }
    guard communicator.rank == 0 else { return }
    logger.warning(
      "a step is left out",
      metadata: ["cause": "\(error)", "in_a_row": "\(inARow)", "most": "\(config.guards.skipNonfinite)"])
  }

  /// A step was as it should be.
  func pass() { inARow = 0 }

  /// The same sentence on every rank, and the bundle that it points to.
  private func describe(_ fault: StepFault) throws -> NotFiniteError {
    let finder = try communicator.gatherCounts(fault.findings.isEmpty ? 0 : 1).firstIndex { $0 > 0 }
    let isFinder = communicator.rank == finder
    let name = try communicator.firstText(isFinder ? sentence(fault) : nil)
    let users = try communicator.firstText(isFinder ? shownUsers(fault).joined(separator: "\n") : nil) ?? ""
    var error = NotFiniteError(phase: phase, step: fault.step + 1, tensors: name ?? "a loss or gradient")
    error.users = users.split(separator: "\n").map(String.init)
    error.userCount = fault.globalUsers
    let bundle = DiagnosticBundle(directory, phase: phase, step: fault.step + 1)
    if try communicator.firstText(communicator.rank == 0 && bundle.number >= Self.mostBundles ? "full" : nil) == nil {
      error.bundle = try bundle.write(
        fault, error, seed: config.seed, dataset: dataset, isFinder: isFinder, communicator: communicator)
    }
    return error
  }

  /// The first tensor in the order of a forward pass, and how many more there are.
  private func sentence(_ fault: StepFault) -> String {
    let first = fault.findings[0]
    let item = first.item.map { " of item \(dataset.items.id($0))" } ?? ""
    let others = fault.findings.count - 1
    return "\(first.tensor)\(item) (\(first.example))" + (others == 0 ? "" : ", as the first of \(others + 1) tensors,")
  }

  /// Suspects first; a few are enough to look at.
  private func shownUsers(_ fault: StepFault) -> [String] {
    Array((fault.suspects.isEmpty ? fault.users : fault.suspects).prefix(3))
  }
}
