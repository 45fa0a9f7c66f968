import Foundation
import TestSupport
import Testing

@testable import Config

/// Reading grids: what they say, and every fault with its line and key.
struct AblationGridTests {
  private static let whole = """
    data: dataset/shop
    config: base.yaml
    set: {universal.epochs: 3}
    seeds: [4, 5]
    base: both
    variants:
      ids: {model.id_dim: 128, model.semantic_dim: 0}
      both: {}
      shuffled:
        data: dataset/shuffled
        optimizer: {rows: lazy_adam}
        targeted: [{name: "like, really", scene: "5"}]
    phases: [universal]
    metrics: [mrr, recall@20]
    buckets: [all, tail]
    evaluate:
      evaluation.filter_seen: [false, true]
      evaluation.catalogue_mib: 7
    keep: results
    """

  @Test func everyKeyIsRead() throws {
    let grid = try AblationGrid.read(text: Self.whole, name: "g.yaml")
    #expect(grid.data == "dataset/shop" && grid.config == "base.yaml" && grid.seeds == [4, 5] && grid.base == "both")
    #expect(grid.variants.map(\.name) == ["ids", "both", "shuffled"] && grid.keep == .results)
    #expect(
      grid.settings(grid.variants[0], seed: 4) == ["universal.epochs=3", "model.id_dim=128", "model.semantic_dim=0", "seed=4"])
    #expect(grid.settings(grid.variants[1], seed: 5) == ["universal.epochs=3", "seed=5"])
    #expect(
      grid.variants[2].overrides.map(\.text) == [
        "optimizer={rows: lazy_adam}", "targeted=[{name: \"like, really\", scene: \"5\"}]",
      ])
    #expect(grid.variants.map { grid.data(of: $0) } == ["dataset/shop", "dataset/shop", "dataset/shuffled"])
    #expect(grid.phases == ["universal"] && grid.metrics == ["mrr", "recall@20"] && grid.buckets == ["all", "tail"])
    #expect(
      grid.settings.map(\.label) == [
        "evaluation.filter_seen=false evaluation.catalogue_mib=7", "evaluation.filter_seen=true evaluation.catalogue_mib=7",
      ])
    let other = try AblationGrid.read(text: Self.whole, name: "g.yaml", data: "elsewhere")
    #expect(other.variants.map { other.data(of: $0) } == ["elsewhere", "elsewhere", "dataset/shuffled"])
  }

  @Test func defaults() throws {
    let grid = try AblationGrid.read(text: "config: c.yaml\ndata: d\nvariants: {one: , two: {}}", name: "g")
    #expect(grid.base == "one" && grid.seeds == [1, 2, 3] && grid.phases == nil && grid.keep == .all)
    #expect(grid.settings.map(\.label) == ["as configured"] && grid.metrics == ["recall@10", "ndcg@10"])
  }

  @Test(arguments: [
    ("data: d\nvariants: {a: {}}", "g: config: is missing; name the configuration that the variants are variants of"),
    ("config: c\ndata: d", "g: variants: is missing"),
    ("config: c\ndata: d\nvariants: {}", "g: line 3, variants: a section, is empty"),
    ("config: c\nvariants: {a: {}}", "data: is missing, and variant a names none; name the data set here, or give --data"),
    (
      "config: c\ndata: d\nvariants: {a: {}}\nmetric: [mrr]",
      "g: line 4, metric: a list, is not a key of a grid; did you mean metrics?"
    ),
    ("config: c\ndata: d\nvariants: {a: {}}\nbase: b", "g: line 4, base: b, is no variant; there are a"),
    ("config: c\ndata: d\nvariants:\n  a/b: {}", "g: line 4, variants.a/b: a section, names a folder"),
    ("config: c\ndata: d\nvariants:\n  .a: {}", "g: line 4, variants..a"),
    ("config: c\ndata: d\nvariants:\n  a: {seed: 4}", "g: line 4, variants.a.seed: 4, is what seeds says"),
    ("config: c\ndata: d\nvariants:\n  a: 5", "g: line 4, variants.a: 5, must be a section: keys and values"),
    ("config: c\ndata: d\nvariants: {a: {}}\nseeds: [1, 2, 1]", "g: line 4, seeds.2: 1, stands there twice"),
    ("config: c\ndata: d\nvariants: {a: {}}\nseeds: []", "g: line 4, seeds: a list, must be a list"),
    ("config: c\ndata: d\nvariants: {a: {}}\nseeds: [x]", "g: line 4, seeds: a list, must be a list"),
    ("config: c\ndata: d\nvariants: {a: {}}\nmetrics: [recall]", "g: line 4, metrics.0: recall, must be recall@k, ndcg@k or mrr"),
    ("config: c\ndata: d\nvariants: {a: {}}\nmetrics: [mrr, mrr]", "g: line 4, metrics.1: mrr, stands there twice"),
    ("config: c\ndata: d\nvariants: {a: {}}\nkeep: none", "g: line 4, keep: none, must be all or results"),
    (
      "config: c\ndata: d\nvariants: {a: {}}\nevaluate: {model.layers: [1]}",
      "evaluate.model.layers: a list, must be a key below evaluation"
    ),
    (
      "config: c\ndata: d\nvariants: {a: {}}\nevaluate:\n"
        + (0..<40).map { "  evaluation.k\($0): [1, 2, 3, 4, 5, 6, 7, 8]\n" }.joined(),
      "g: line 7, evaluate.evaluation.k2: a list, makes more than 64 ways to evaluate"
    ),
    (
      "config: c\ndata: d\nvariants: {a: {}, b: {}}\nseeds: [" + (0..<6_000).map(String.init).joined(separator: ", ") + "]",
      "2 variants and 6000 seeds are more than 10000 runs"
    ),
    ("config: c\ndata: d\nvariants: {a: {}, a: {}}", "stands twice in one section"), ("[1]", "must be a section"),
    ("config: [c]\ndata: d\nvariants: {a: {}}", "g: line 1, config: a list, must be a text"), ("config: {", "is not valid YAML"),
  ])
  func faults(text: String, sentence: String) {
    let error = #expect(throws: ConfigProblems.self) { try AblationGrid.read(text: text, name: "g") }
    #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
  }

  /// What a variant does wrong stands in the grid, and what the configuration does wrong in the configuration.
  @Test func wrongValuesAreFoundWhereTheyStand() throws {
    let folder = try TemporaryFolder()
    let config = try folder.write("base.yaml", "model: {layers: 1}\nuniversal: {epochs: 2}\n")
    let text =
      "config: \(config)\ndata: d\nvariants:\n  good: {model.layers: 2}\n  wide: {model.heads: 5}\n  odd: {model.layrs: 3}\n"
    let file = try folder.write("grid.yaml", text + "evaluate:\n  evaluation.cutoffs: [[5, 3]]\n")
    let grid = try AblationGrid.read(file: file)
    let good = try grid.resolve(grid.variants[0], seed: 9)
    #expect(good.model.layers == 2 && good.seed == 9 && good.universal.epochs == 2)
    func sentence(_ variant: Int, evaluated: AblationGrid.Setting? = nil) -> String {
      do {
        _ = try grid.resolve(grid.variants[variant], seed: 1, evaluated: evaluated)
        return ""
      } catch {
        return error.description
      }
    }
    #expect(sentence(1).hasPrefix("\(file): line 5, variants.wide.model.heads: 5, must divide"), "\(sentence(1))")
    #expect(sentence(2) == "\(file): line 6, variants.odd.model.layrs: 3, is not a key of this section; did you mean layers?")
    #expect(sentence(0, evaluated: grid.settings[0]).hasPrefix("\(file): line 8, evaluate.evaluation.cutoffs: "))
    try "model: {layers: -1}\n".write(toFile: config, atomically: true, encoding: .utf8)
    let plain = try AblationGrid.read(text: "config: \(config)\ndata: d\nvariants: {a: {}}", name: "g")
    let error = #expect(throws: ConfigProblems.self) { try plain.resolve(plain.variants[0], seed: 1) }
    #expect(error?.description.hasPrefix("\(config): line 1, model.layers: -1, must be") == true, "\(error?.description ?? "")")
  }
}
