import Host

/// Rules that tie keys to each other and to the data set; ranges of single keys stand in the sections' tables.
package enum ConfigCheck {
  /// Faults between keys, empty when all fit; ``ConfigReader`` has already asked this.
  package static func problems(_ config: RunConfig) -> [ConfigProblem] {
    width(config.model) + phases(config) + selection(config.evaluation) + patience(config)
      + precision(config.compute, config.model)
      + bench(config.bench)
  }

  private static func width(_ model: ModelConfig) -> [ConfigProblem] {
    var found: [ConfigProblem] = []
    let dim = model.dim
    if dim == 0 {
      found.append(
        ConfigProblem(
          keyPath: "model.id_dim", value: "0", rule: "id_dim and semantic_dim cannot both be 0", suggestion: "try id_dim: 64",
          others: ["model.semantic_dim"]))
    } else if dim % model.heads != 0 {
      let divisors = (1...64).filter { dim % $0 == 0 }.sorted { abs($0 - model.heads) < abs($1 - model.heads) }.prefix(3).sorted()
      found.append(
        ConfigProblem(
          keyPath: "model.heads", value: "\(model.heads)", rule: "must divide id_dim + semantic_dim = \(dim)",
          suggestion: "try \(divisors.map(String.init).joined(separator: ", "))", others: ["model.id_dim", "model.semantic_dim"]))
    }
    if model.activeExperts > model.experts {
      found.append(
        ConfigProblem(
          keyPath: "model.active_experts", value: "\(model.activeExperts)", rule: "must be at most experts = \(model.experts)",
          suggestion: "try \(model.experts)", others: ["model.experts"]))
    }
    return found
  }

  private static func phases(_ config: RunConfig) -> [ConfigProblem] {
    var found: [ConfigProblem] = []
    var names: Set<String> = []
    for (index, phase) in config.targeted.enumerated() {
      let path = "targeted.\(index)"
      if phase.name.isEmpty {
        found.append(ConfigProblem(keyPath: "\(path).name", value: "", rule: "must be given", suggestion: "as in name: like"))
      } else if !names.insert(phase.name).inserted {
        found.append(
          ConfigProblem(
            keyPath: "\(path).name", value: phase.name, rule: "is the name of an earlier phase", suggestion: "names must differ"))
      }
      if phase.objective.bpr == 0 && phase.objective.softmax == 0 {
        found.append(
          ConfigProblem(
            keyPath: "\(path).objective", value: "", rule: "bpr and softmax cannot both be 0", suggestion: "try softmax: 1"))
      }
      if phase.objective.bpr > 0 && config.batch.users < 2 {
        found.append(
          ConfigProblem(
            keyPath: "batch.users", value: "\(config.batch.users)",
            rule: "must be at least 2 for the cross-user BPR of phase \(phase.name)",
            suggestion: "or set \(path).objective.bpr to 0", others: ["\(path).objective.bpr"]))
      }
    }
    return found
  }

  private static func selection(_ evaluation: EvaluationConfig) -> [ConfigProblem] {
    let metrics = (evaluation.cutoffs ?? EvaluationConfig.usualCutoffs).flatMap { ["ndcg@\($0)", "recall@\($0)"] } + ["mrr"]
    guard !metrics.contains(evaluation.selectBy) else { return [] }
    return [
      ConfigProblem(
        keyPath: "evaluation.select_by", value: evaluation.selectBy,
        rule: "must be ndcg@k or recall@k with a k of the cutoffs, or mrr",
        suggestion: "try \(metrics[0])", others: ["evaluation.cutoffs"])
    ]
  }

  /// A phase that ends early is its best model: there must be evaluations to tell, and the best must be kept.
  private static func patience(_ config: RunConfig) -> [ConfigProblem] {
    guard config.evaluation.patience != nil else { return [] }
    let zeros: [(String, String)] =
      (config.evaluation.everyEpochs == 0 ? [("evaluation.every_epochs", "evaluations during a phase")] : [])
      + (config.checkpoint.keepBest == 0 ? [("checkpoint.keep_best", "the best checkpoint")] : [])
    return zeros.map { key, what in
      ConfigProblem(
        keyPath: key, value: "0", rule: "must be at least 1 with evaluation.patience, which needs \(what)", suggestion: "try 1",
        others: ["evaluation.patience"])
    }
  }

  private static func precision(_ compute: ComputeConfig, _ model: ModelConfig) -> [ConfigProblem] {
    let width = model.idDim + model.semanticDim
    guard compute.precision == .bf16, width % model.heads == 0, width / model.heads % 2 != 0 else { return [] }
    return [
      ConfigProblem(
        keyPath: "compute.precision", value: "bf16", rule: "needs heads of an even width, not \(width / model.heads)",
        suggestion: "try model.heads \(model.heads % 2 == 0 ? model.heads / 2 : 1), or another id_dim",
        others: ["model.heads", "model.id_dim", "model.semantic_dim"])
    ]
  }

  private static func bench(_ bench: BenchConfig?) -> [ConfigProblem] {
    guard let bench, let drawn = bench.drawnItems, drawn > bench.items else { return [] }
    return [
      ConfigProblem(
        keyPath: "bench.drawn_items", value: "\(drawn)", rule: "must be at most items = \(bench.items)",
        suggestion: "try null, which draws from all of them", others: ["bench.items"])
    ]
  }
}
