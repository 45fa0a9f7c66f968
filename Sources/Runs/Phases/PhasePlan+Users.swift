package import Collectives
package import Config
package import Datasets
import Files

extension PhasePlan {
  /// The plans that `--phase` selects, each with the path of its section in the configuration; nil selects all.
  package static func selected(_ plans: [PhasePlan], _ selection: String?) -> [(plan: PhasePlan, keyPath: String)] {
    plans.enumerated().map { ($1, $0 == 0 ? "universal" : "targeted.\($0 - 1)") }.filter { plan, _ in
      selection == nil || selection == plan.name || selection == "targeted" && !plan.kind.isUniversal
    }
  }

  /// How long a phase is, and how many users take part.
  package struct Length: Sendable {
    /// The phase.
    package let plan: PhasePlan
    /// Users that take part.
    package let users: Int
    /// Steps of an epoch.
    package let stepsPerEpoch: Int
    /// Steps in all.
    package var steps: Int { plan.steps ?? plan.epochs * stepsPerEpoch }
  }

  /// Looks before anything is trained at who takes part in the phases that are to be trained; collective.
  ///
  /// - Parameter note: gets a sentence for each batch that is larger than what there is.
  /// - Returns: the length of each of these phases, those without steps left out.
  /// - Throws: `InputError` on rank 0 when a phase that is to make steps has nobody to learn from: a run that trains nothing is no success.
  @discardableResult
  package static func checkUsers(
    _ config: RunConfig, _ dataset: Dataset, only selection: String?, communicator: any Communicator, note: (String) -> Void
  ) throws -> [Length] {
    let selected = selected(all(config, dataset), selection).filter(\.plan.makesSteps)
    let lengths = try selected.map { plan, _ in
      let order = try plan.batches(dataset, config, communicator: communicator).order
      return Length(plan: plan, users: order.users, stepsPerEpoch: order.stepsPerEpoch)
    }
    guard communicator.rank == 0 else { return lengths }
    for ((plan, keyPath), users) in zip(selected, lengths.map(\.users)) {
      if let problem = plan.problem(users: users) { throw InputError("\(keyPath): \(problem)") }
      guard config.batch.users > users else { continue }
      note(
        "note: batch.users is \(config.batch.users), but only \(users) \(users == 1 ? "user takes" : "users take") part in "
          + "\(plan.name): a step takes \(users)")
    }
    return lengths
  }

  /// Whether the phase is to be trained, and not only to be begun and evaluated.
  package var makesSteps: Bool { (steps ?? epochs) > 0 }

  /// Why the phase cannot be trained with so many users, and what to do; nil when it can.
  package func problem(users: Int) -> String? {
    switch kind {
    case .universal:
      guard users == 0 else { return nil }
      return "no user has two training events, so there is nothing to train on; prepare the data set from more events"
    case .targeted(let phase):
      guard users < fewestUsers else { return nil }
      let what = [phase.scene.map { "scene \($0)" }, phase.behavior.map { "behavior \($0)" }].compactMap { $0 }
      let event = what.isEmpty ? "a training event" : "a training event of \(what.joined(separator: ", "))"
      guard users == 0 else {
        return "only one user has \(event) with another before it, and cross-user BPR needs two; set objective.bpr to 0, or take "
          + "phase \(name) out"
      }
      return "no user has \(event) with another before it, so phase \(name) would train on nothing; take it out, or prepare the "
        + "data set from more events"
    }
  }
}
