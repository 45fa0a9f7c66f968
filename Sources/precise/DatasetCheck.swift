import Config
import Datasets
import Files
import Text

/// Throws every fault between a configuration and the data set that it is to train on; `file` is what the configuration is called.
func checkConfiguration(_ config: RunConfig, _ dataset: Dataset, file: String) throws {
  let record = TokenStates.exist(in: dataset) ? try EncodingRecord(folder: dataset.path) : nil
  let facts = DatasetFacts(
    scenes: dataset.scenes, behaviors: dataset.behaviors, items: dataset.items.count,
    users: dataset.manifest.users, tokenDim: record?.dimension, tokens: record?.tokens)
  let problems = ConfigCheck.problems(config, facts: facts)
  guard problems.isEmpty else { throw ConfigProblems(file: file, problems: problems) }
}
