import Testing

@testable import Config

struct ConfigWriterTests {
  /// A configuration with no value left at its default that could be another.
  static let unusual: RunConfig = {
    var config = RunConfig()
    config.seed = .max
    config.model.gateInput = .concat
    config.model.dropout = 0.1 + 0.2
    config.universal.steps = 12
    config.universal.negatives = .all
    config.universal.window = .random
    config.optimizer.rows = .lazyAdam
    config.optimizer.epsilon = 1e-12
    config.optimizer.rowSchedule = .same
    config.checkpoint.everySteps = nil
    config.evaluation.cutoffs = [7]
    config.evaluation.selectBy = "recall@7"
    config.bench = BenchConfig()
    var first = TargetedConfig()
    first.name = "a-1"
    first.scene = "Beauty: \"all\" \\ #1\n\té\u{85}\u{2028}\u{FEFF}🙂"
    first.dropout = 0
    first.freeze = [.fusion]
    var second = TargetedConfig()
    second.name = "b"
    second.behavior = "null"
    config.targeted = [first, second]
    return config
  }()

  @Test(arguments: [RunConfig(), unusual])
  func readsBackEqual(config: RunConfig) throws {
    let text = ConfigWriter.text(config)
    #expect(try ConfigReader.read(text: text, name: "config.yaml") == config)
    #expect(try ConfigWriter.text(ConfigReader.read(text: text, name: "config.yaml")) == text)
  }

  @Test(arguments: [
    "5", "true", "No", "~", "", " a", "a ", "a: b", "- x", "[x]", "&a", "*a", "#x", "'", "%", "@a", "1e3", "rate_5", "a/b",
  ])
  func anySceneNameSurvives(name: String) throws {
    var config = RunConfig()
    config.targeted = [TargetedConfig()]
    config.targeted[0].name = "x"
    config.targeted[0].scene = name
    #expect(try ConfigReader.read(text: ConfigWriter.text(config), name: "config.yaml") == config)
  }

  @Test func everyLineSaysWhy() {
    for line in ConfigWriter.text(Self.unusual).split(separator: "\n") {
      #expect(line.contains("  # "), "\(line)")
    }
  }
}
