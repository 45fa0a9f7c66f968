import Foundation
import Host
import Testing

@testable import Config

/// The problems of a text, as lines; empty when it is fine.
func problems(_ text: String, _ overrides: [String] = []) -> [String] {
  do {
    _ = try ConfigReader.read(text: text, name: "run.yaml", overrides: overrides)
    return []
  } catch {
    return error.problems.map(\.description)
  }
}

struct ConfigReaderTests {
  @Test func theDocumentedExampleReads() throws {
    let config = try ConfigReader.read(text: documented, name: "run.yaml")
    #expect(config.seed == 7)
    #expect(config.model.idDim == 32 && config.model.semanticDim == 96)
    #expect(config.model.gateInput == .concat)
    #expect(config.universal.steps == 900 && config.universal.negatives == .count(300))
    #expect(config.universal.negativesFrom == .mixed && config.universal.logQ)
    #expect(config.targeted.map(\.name) == ["like", "toys"])
    #expect(config.targeted[0].behavior == "like" && config.targeted[0].scene == nil)
    #expect(config.targeted[0].objective.bpr == 0.5 && config.targeted[0].objective.softmax == 1)
    #expect(
      config.targeted[1].userHead == .mlp && config.targeted[1].freeze == [.tokens, .ids] && config.targeted[1].negatives == .all)
    #expect(config.targeted[1].scene == "5")
    #expect(config.optimizer.rows == .lazyAdam && config.optimizer.learningRate == 0.002)
    #expect(config.checkpoint.everySteps == nil && config.checkpoint.everyMinutes == 2.5)
    #expect(config.evaluation.cutoffs == [1, 20] && config.evaluation.selectBy == "recall@20")
    #expect(config.log.everySteps == 1_000)
  }

  @Test func emptyTextIsTheDefaults() throws {
    #expect(try ConfigReader.read(text: "", name: "run.yaml") == RunConfig())
    #expect(try ConfigReader.read(text: "# nothing\nmodel:\ntargeted:\nbench: null\n", name: "run.yaml") == RunConfig())
  }

  @Test func unknownKeysNameTheNearest() {
    #expect(problems("model: {headz: 2}") == ["line 1, model.headz: 2, is not a key of this section; did you mean heads?"])
    #expect(
      problems("learning_rate: 1") == [
        "line 1, learning_rate: 1, is not a key of this section; did you mean optimizer.learning_rate?"
      ])
    #expect(problems("batch: {quux: 1}") == ["line 1, batch.quux: 1, is not a key of this section; known here: users"])
  }

  @Test func tokenStatesAreStoredAsAsked() throws {
    #expect(try ConfigReader.read(text: "compute: {token_storage: bf16}", name: "run.yaml").compute.tokenStorage == .bf16)
    #expect(try ConfigReader.read(text: "compute: {token_storage: fp16}", name: "run.yaml").compute.tokenStorage == .fp16)
    #expect(RunConfig().compute.tokenStorage == .fp32)
    #expect(
      problems("compute: {token_storage: bf61}") == [
        "line 1, compute.token_storage: bf61, must be one of fp32, bf16, fp16; did you mean bf16?"
      ])
  }

  @Test func everyFaultIsReportedAtOnceWithItsLine() {
    let text = """
      seed: -1
      model:
        heads: three
        dropout: 1.0
      universal:
        negatives: 0
        negatives_from: btach
      evaluation: {filter_seen: yes, cutoffs: [10, 5]}
      compute: {precision: bf61}
      targeted:
        - {name: Like}
        - history: target
      """
    #expect(
      problems(text) == [
        "line 1, seed: -1, must be a whole number from 0 to 18446744073709551615",
        "line 3, model.heads: three, must be a whole number from 1 to 64",
        "line 4, model.dropout: 1.0, must be a number from 0.0 to below 1.0",
        "line 6, universal.negatives: 0, must be a whole number from 1 to 16777216, or all",
        "line 7, universal.negatives_from: btach, must be one of batch, uniform, mixed; did you mean batch?",
        "line 8, evaluation.filter_seen: yes, must be true or false; did you mean true?",
        "line 8, evaluation.cutoffs: a list, must be a list, each a whole number from 1 to 100000, rising, at least one, or null",
        "line 9, compute.precision: bf61, must be one of fp32, bf16; did you mean bf16?",
        "line 11, targeted.0.name: Like, must be a text of a-z, 0-9, _ and -, at most 64 letters, and not universal",
        "line 12, targeted.1.name: must be given; as in name: like",
      ])
  }

  @Test func keysThatDoNotFitEachOther() {
    #expect(
      problems("model: {id_dim: 64, semantic_dim: 64,\n  heads: 3}") == [
        "line 2, model.heads: 3, must divide id_dim + semantic_dim = 128; try 1, 2, 4"
      ])
    #expect(problems("model: {id_dim: 0, semantic_dim: 0}").first?.contains("cannot both be 0") == true)
    #expect(problems("model: {experts: 2, active_experts: 3}").first?.contains("at most experts = 2") == true)
    let lonely = problems("batch: {users: 1}\ntargeted: [{name: a, objective: {bpr: 1}}]")
    #expect(lonely.first?.contains("at least 2 for the cross-user BPR") == true)
    #expect(problems("batch: {users: 1}\ntargeted: [{name: a}]") == [])
    #expect(problems("targeted: [{name: a}, {name: a}]").first?.contains("name of an earlier phase") == true)
    #expect(problems("targeted: [{name: a, objective: {bpr: 0, softmax: 0}}]").first?.contains("cannot both be 0") == true)
    #expect(
      problems("bench: {items: 100, drawn_items: 101}") == [
        "line 1, bench.drawn_items: 101, must be at most items = 100; try null, which draws from all of them"
      ])
    #expect(problems("bench: {items: 100, drawn_items: 100}") == [])
    #expect(problems("evaluation: {select_by: ndcg@7}").first?.contains("try ndcg@5") == true)
    #expect(problems("evaluation: {select_by: ndcg@20, cutoffs: null}") == [])
  }

  @Test(arguments: [
    "model: {heads: 3, id_dim: x}", "model: {heads: 3, semantic_dim: -1}", "model: {active_experts: 9, experts: many}",
    "evaluation: {select_by: ndcg@7, cutoffs: 7}", "batch: {users: 1}\ntargeted: [{name: a, objective: {bpr: x}}]",
    "batch: {users: 1}\ntargeted: [{name: a, objective: none}]", "universal: {log_q: true, negatives: ALL}",
    "targeted: [{name: a, objective: {bpr: 0, softmax: x}}]",
  ])
  func aRuleWithAFaultyKeyIsNotChecked(text: String) {
    // Its default would stand in for what nobody wrote.
    #expect(problems(text).count == 1)
  }

  /// Every item is drawn with certainty then, and the correction is log 1 = 0.
  @Test func theFullSoftmaxNeedsNoCorrectionAndAllowsIt() {
    #expect(problems("universal: {log_q: true, negatives: all}\ntargeted: [{name: a, log_q: true, negatives: all}]") == [])
  }

  @Test func ofManyFaultsTheFirstAreShown() {
    let text = (0..<20_000).map { "unknown\($0): 1\n" }.joined() + String(repeating: "k", count: 900) + ": 1\n"
    let error = #expect(throws: ConfigProblems.self) { try ConfigReader.read(text: text, name: "run.yaml") }
    let lines = error?.description.split(separator: "\n") ?? []
    #expect(lines.count == 52)
    #expect(lines.first == "run.yaml: 20001 problems" && lines.last == "  and 19951 more")
    #expect(lines.allSatisfy { $0.count < 400 })
    let long = problems(String(repeating: "k", count: 900) + ": 1").first
    #expect((long?.count ?? 900) < 400)
  }

  @Test(arguments: ["model: {id_dim: 0}", "model: {semantic_dim: 0}", "universal: {epochs: 0}", "evaluation: {select_by: mrr}"])
  func allowed(text: String) {
    #expect(problems(text) == [])
  }

  @Test(arguments: ["\"2\"", "2.5", "2x", "[2]", "{a: 2}", "null", "99999999999999999999", "true", "0x2", "-0"])
  func notANumberOfLayers(value: String) {
    #expect(problems("model: {layers: \(value)}").count == 1)
  }

  @Test(arguments: [".nan", ".inf", "nan", "inf", "0x1p3", "1e999", "-1", "one", ""])
  func notALearningRate(value: String) {
    #expect(problems("optimizer:\n  learning_rate: \(value)\n").count == 1)
  }

  @Test func overridesWinAndReachIntoLists() throws {
    let text = "model: {layers: 3}\ntargeted:\n  - {name: a, epochs: 1}\n  - {name: b}\n"
    let overrides = [
      "model.layers=4", "targeted.1.epochs=3", "targeted.0.objective={bpr: 0, softmax: 2}", "evaluation.cutoffs=[1, 10]",
      "targeted.1.scene=null", "targeted.0.scene=a=b", "model.layers=5", "bench.items=9",
    ]
    let config = try ConfigReader.read(text: text, name: "run.yaml", overrides: overrides)
    #expect(config.model.layers == 5)
    #expect(config.targeted.map(\.epochs) == [1, 3])
    #expect(config.targeted[0].objective.bpr == 0 && config.targeted[0].objective.softmax == 2)
    #expect(config.targeted[0].scene == "a=b")
    #expect(config.evaluation.cutoffs == [1, 10])
    #expect(config.bench?.items == 9)
    #expect(try ConfigReader.read(text: "", name: "x", overrides: ["targeted=[{name: b}]"]).targeted.count == 1)
  }

  @Test func overridesFailByName() {
    let text = "targeted: [{name: a}]"
    #expect(
      problems(text, ["model.layerz=4"]) == [
        "--set model.layerz=4, model.layerz: 4, is not a key of this section; did you mean layers?"
      ])
    #expect(
      problems(text, ["model.layers=x"]).first?.hasPrefix("--set model.layers=x, model.layers: x, must be a whole number") == true
    )
    #expect(problems(text, ["targeted.1.epochs=4"]).first?.contains("there is no entry 1; the list has 0 to 0") == true)
    #expect(problems(text, ["targeted.0.name.x=4"]).first?.contains("inside a plain value") == true)
    #expect(problems(text, ["model.layers"]).first?.contains("must be key.path=value") == true)
    #expect(problems(text, ["=4"]).first?.contains("must be key.path=value") == true)
    #expect(problems(text, ["model..layers=4"]).first?.contains("must be key.path=value") == true)
    #expect(problems(text, ["evaluation.cutoffs=[5"]).first?.contains("not valid YAML") == true)
    #expect(problems(text, ["model.heads=3"]).first?.hasPrefix("--set model.heads=3, model.heads: 3, must divide") == true)
  }
}

private let documented = """
  seed: 7
  model:      {id_dim: 32, semantic_dim: 96, experts: 8, active_experts: 2, gate_input: concat, layers: 2, heads: 2,
               length: 50, dropout: 0.2, balance: 0.01, logit_scale: 1.0, scene_embedding: false, behavior_embedding: false}
  batch:      {users: 256}                                   # global, over all ranks
  universal:  {epochs: 20, steps: 900, negatives: 300, negatives_from: mixed, log_q: true, token_freeze: 0.5}
  targeted:
    - {name: like, scene: null, behavior: like, history: target, epochs: 5, steps: null,
       user_head: residual, objective: {bpr: 0.5, softmax: 1}}
    - {name: toys, scene: 5, user_head: mlp, freeze: [tokens, ids], negatives: all}
  optimizer:  {learning_rate: 2.0e-3, warmup: 0.05, weight_decay: 0.01, clip: 1.0, rows: lazy_adam, id_learning_rate: 5.0e-2,
               token_learning_rate: 5.0e-3}
  compute:    {precision: fp32}
  checkpoint: {every_steps: null, every_minutes: 2.5, keep_last: 2, keep_best: 1}
  evaluation: {every_epochs: 1, cutoffs: [1, 20], filter_seen: false, select_by: recall@20}
  log:        {every_steps: 1_000, tensorboard: true}
  """
