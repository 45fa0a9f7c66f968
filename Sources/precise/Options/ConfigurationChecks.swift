import Collectives
import Config
import Costs
import Datasets
import Files
import Foundation
import Host
import Reporting
import Texts

/// Throws every fault between a configuration and the data set that it is to train on; `file` is what the configuration is called.
func checkConfiguration(_ config: RunConfig, _ dataset: Dataset, file: String) throws {
  let record = TokenStates.exist(in: dataset) ? try EncodingRecord(folder: dataset.path) : nil
  let facts = DatasetFacts(
    scenes: dataset.scenes, behaviors: dataset.behaviors, items: dataset.items.count,
    users: dataset.manifest.users, tokenDim: record?.width, tokens: record?.tokens)
  let problems = ConfigCheck.problems(config, facts: facts)
  guard problems.isEmpty else { throw ConfigProblems(file: file, problems: problems) }
}

/// Throws `ConfigProblems` when this host does not have the memory that a run takes for certain; warns when it may not be enough.
///
/// `file` is what the configuration is called.
func refuseBeyondMemory(_ demand: HostDemand, file: String, _ console: Console) throws {
  let host = Machine.hostMemory
  if let problem = demand.problem(on: host) { throw ConfigProblems(file: file, problems: [problem]) }
  for warning in demand.warnings(on: host) { console.note("warning: \(warning)") }
}

/// The same for a job that is about to start, as rank 0 sees it: for the ranks on its host, as many as the launcher says there are.
///
/// Without a data set the items are made up, and nothing is evaluated.
func refuseBeyondMemory(
  _ communicator: any Communicator, _ config: RunConfig, _ dataset: Dataset?, only phase: String? = nil, file: String,
  _ console: Console
) throws {
  let launch = Launch.detect(ProcessInfo.processInfo.environment)
  let here = min(launch.map { $0.localSize ?? 1 } ?? communicator.size, communicator.size)
  let estimates = try StepEstimate.all(config, dataset, only: phase, ranks: communicator.size, seenBy: communicator.rank)
  let demand = HostDemand(estimates, config, ranks: here, areThreads: launch == nil, evaluates: dataset != nil)
  try refuseBeyondMemory(demand, file: file, console)
}
