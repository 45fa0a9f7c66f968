import Testing

@testable import Config

struct RunConfigTests {
  @Test func flatNamesEveryKeyOnceUnderItsDottedPath() {
    var config = RunConfig()
    config.targeted = [TargetedConfig(), TargetedConfig()]
    config.targeted[1].name = "like"
    config.targeted[1].scene = "Home & Garden"
    config.evaluation.cutoffs = [1, 10]
    let flat = config.flat
    #expect(Set(flat.map(\.key)).count == flat.count)
    let values = Dictionary(uniqueKeysWithValues: flat.map { ($0.key, $0.value) })
    #expect(values["model.id_dim"] == "64")
    #expect(values["universal.steps"] == "null")
    #expect(values["targeted.1.name"] == "like")
    #expect(values["targeted.1.scene"] == "\"Home & Garden\"")
    #expect(values["targeted.1.objective.bpr"] == "0.0")
    #expect(values["evaluation.cutoffs"] == "[1, 10]")
    #expect(values["bench"] == "null")
  }

  @Test func flatShowsExactlyTheDifference() {
    var other = RunConfig()
    other.universal.negatives = .all
    let changed = zip(RunConfig().flat, other.flat).filter { $0.value != $1.value }
    #expect(changed.map(\.0.key) == ["universal.negatives"])
    #expect(changed.first?.1.value == "all")
  }

  @Test func everyStoredPropertyHasAKey() {
    // Mirror sees the struct, `keys` is the table: a property without a key could never be set from a file.
    func names(_ value: Any) -> Int { Mirror(reflecting: value).children.count }
    #expect(names(RunConfig()) == RunConfig.keys.count)
    #expect(names(ModelConfig()) == ModelConfig.keys.count)
    #expect(names(BatchConfig()) == BatchConfig.keys.count)
    #expect(names(UniversalConfig()) == UniversalConfig.keys.count)
    #expect(names(TargetedConfig()) == TargetedConfig.keys.count)
    #expect(names(ObjectiveConfig()) == ObjectiveConfig.keys.count)
    #expect(names(OptimizerConfig()) == OptimizerConfig.keys.count)
    #expect(names(ComputeConfig()) == ComputeConfig.keys.count)
    #expect(names(CheckpointConfig()) == CheckpointConfig.keys.count)
    #expect(names(EvaluationConfig()) == EvaluationConfig.keys.count)
    #expect(names(LogConfig()) == LogConfig.keys.count)
    #expect(names(BenchConfig()) == BenchConfig.keys.count)
  }

  @Test func theReaderIsTheOnlyWayIn() {
    let sections: [Any] = [RunConfig(), ModelConfig(), TargetedConfig(), UniversalConfig(), Negatives.all]
    #expect(sections.allSatisfy { !($0 is any Decodable) })
  }

  @Test func listingGoesThroughEverySection() {
    let listing = Dictionary(uniqueKeysWithValues: ConfigKeys.listing.map { ($0.path, $0) })
    #expect(listing["model.heads"]?.rule == "a whole number from 1 to 64")
    #expect(listing["model.heads"]?.value == "2")
    #expect(listing["targeted.0.objective.bpr"]?.value == "0.0")
    #expect(listing["bench.token_dim"]?.value == "384")
    #expect(listing["optimizer.rows"]?.rule == "one of adagrad, lazy_adam")
    #expect(ConfigKeys.listing.allSatisfy { !$0.reason.isEmpty && !$0.rule.isEmpty })
  }
}
