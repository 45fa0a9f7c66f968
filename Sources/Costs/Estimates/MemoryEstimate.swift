package import Config
import Datasets
import Evaluation
import Host
package import Model
package import Runs
import Tensors
package import Training

/// What a rank holds in memory, line by line, with the formula of each.
///
/// Letters: V items, R ranks, M token states of all items, P dense parameters, d and dt widths, T positions, U wanted and O owned items,
/// N negatives, k active experts, L blocks of the transformer.
package struct MemoryEstimate: Sendable {
  /// One kind of memory.
  package struct Line: Sendable {
    /// What it holds.
    package let name: String
    /// How much.
    package let bytes: Double
    /// Where the number comes from.
    package let formula: String
    /// The configuration's key that makes it less; nil when none does.
    package let key: String?
    /// Whether ranks that are threads of one process have it once, and not each.
    package let isShared: Bool
    /// Whether it is taken for certain: what is mapped, or zeroed and not touched, may never be in memory.
    let isCertain: Bool

    init(
      name: String, bytes: Double, formula: String, key: String? = nil, isShared: Bool = false, isCertain: Bool = true
    ) {
      self.name = name
      self.bytes = bytes
      self.formula = formula
      self.key = key
      self.isShared = isShared
      self.isCertain = isCertain
    }
  }

  /// The program, its libraries, and what they allocate (ours: measured, docs/scaling.md).
  package static let program = 42.0 * 1_048_576

  /// What is held as long as a phase is trained; rows and their state are zero pages until first touched.
  package let training: [Line]
  /// What evaluation adds.
  package let evaluation: [Line]
  /// Bytes held while training.
  package var trainingBytes: Double { training.reduce(0) { $0 + $1.bytes } }
  /// Bytes held while evaluating.
  package var evaluationBytes: Double { evaluation.reduce(trainingBytes) { $0 + $1.bytes } }

  /// The memory of a phase.
  package init(_ config: RunConfig, _ plan: PhasePlan, _ facts: EstimateFacts, _ shape: ModelShape, _ size: StepSize) {
    training =
      [Line(name: "program", bytes: Self.program, formula: "measured", isShared: true)]
      + Self.table(config, facts, shape, size.ranks) + Self.dense(config, shape, size.ranks)
      + Self.counts(plan, facts)
      + [
        Line(
          name: "data files, mapped", bytes: Double(facts.mapped.users) / Double(size.ranks) + Double(facts.mapped.items),
          formula: "users' files / R + items' file; the system may take them back", isShared: true, isCertain: false),
        Line(
          name: "a step's activations",
          bytes: StepWorkspace.bytes(shape, size, config.compute.precision),
          formula: "4 (2 U d + (L (\(TransformerBlock.keptRows(shape.block)) a + 2) + 5) T d / R + O (k (dt + d_s) + dt) + ...)",
          key: "batch.users"),
        Line(name: "a step's row numbers", bytes: StepWorkspace.lists(size), formula: "240 T / R + 72 N", key: "batch.users"),
      ]
    evaluation = Self.evaluation(config, facts, shape)
  }

  /// The item table of a rank.
  private static func table(_ config: RunConfig, _ facts: EstimateFacts, _ shape: ModelShape, _ ranks: Int) -> [Line] {
    let (rows, tokens) = (Double(facts.items) / Double(ranks), Double(facts.tokens) / Double(ranks))
    let (id, token) = (Double(shape.fusion.idWidth), Double(facts.tokenWidth))
    let isAdam = config.optimizer.rows == .lazyAdam
    let state = { (width: Double) in 4 * (isAdam ? 2 * width + 1 : 1) }
    let element = Double(config.compute.tokenStorage.size)
    var lines = [
      Line(name: "ID rows", bytes: rows * 4 * id, formula: "4 V d_id / R", key: "model.id_dim"),
      Line(
        name: "ID rows' optimizer", bytes: id > 0 ? rows * state(id) : 0,
        formula: isAdam ? "4 V (2 d_id + 1) / R" : "4 V / R", key: "optimizer.rows", isCertain: false),
    ]
    guard shape.fusion.readsText else { return lines }
    lines += [
      Line(
        name: "token states", bytes: tokens * element * token + 8 * rows, formula: "\(Int(element)) M dt / R + 8 V / R",
        key: "compute.token_storage"),
      Line(
        name: "token states' optimizer", bytes: tokens * state(token), formula: isAdam ? "4 M (2 dt + 1) / R" : "4 M / R",
        key: "optimizer.rows", isCertain: false),
    ]
    return lines
  }

  /// Values, gradients, two moments, a byte for weight decay; what is on its way between ranks.
  private static func dense(_ config: RunConfig, _ shape: ModelShape, _ ranks: Int) -> [Line] {
    let count = Double(ParameterArena.count(of: PreciseModel.specs(shape)))
    // Everybody's part of the own share, which between two ranks is everything; in bf16 all values rounded besides.
    let shares = ranks > 2 ? 1.0 : ranks == 2 ? 2.0 : 0
    let each = ranks == 1 ? 0 : config.compute.gradientWire == .bf16 ? 2 * (shares + 1) : 4 * shares
    return [
      Line(name: "dense parameters", bytes: 17 * count, formula: "17 P", key: "model.layers"),
      Line(
        name: "gradients on their way", bytes: each * count, formula: ranks > 1 ? "\(Int(each)) P" : "0 on one rank",
        key: "model.layers"),
    ]
  }

  /// What every rank keeps for each item of the whole catalogue: log q, and where some have no training event a bit that says which.
  ///
  /// While a phase begins, before a step's activations are there, log q takes twice that.
  private static func counts(_ plan: PhasePlan, _ facts: EstimateFacts) -> [Line] {
    let sampler = plan.negatives(items: facts.items)
    let chances = sampler?.count != nil && plan.correctsLogQ ? 4.0 : 0
    let listed =
      facts.trained < facts.items && (sampler?.readsCatalogue ?? false)
      ? [
        Line(
          name: "items with training events", bytes: Double(facts.items) * 17 / 128, formula: "V / 8 + V / 128, on every rank",
          key: plan.kind.isUniversal ? "universal.negatives_from" : nil)
      ] : []
    return listed + [
      Line(
        name: "numbers of all items", bytes: chances * Double(facts.items),
        formula: chances > 0 ? "\(Int(chances)) V, on every rank" : "0 without log q",
        key: plan.kind.isUniversal ? "universal.log_q" : nil)
    ]
  }

  /// The catalogue whole when it fits its budget, else a block of it and as many users as a quarter of the budget holds.
  private static func evaluation(_ config: RunConfig, _ facts: EstimateFacts, _ shape: ModelShape) -> [Line] {
    let d = Double(shape.fusion.width)
    // Held and streamed embeddings have the text vectors behind what the model makes of an item.
    let (served, letters) = (d + Double(facts.textWidth), facts.textWidth > 0 ? "(d + w + 64)" : "d")
    let (whole, budget) = (4 * Double(facts.items) * served, Double(config.evaluation.catalogueBytes))
    let each = 7 + TransformerBlock.keptRows(shape.block)
    let users = 4 * 64 * Double(shape.length) * d * Double(each * shape.layers + 4)
    guard whole > budget else {
      return [
        Line(name: "evaluation: catalogue", bytes: whole, formula: "4 V \(letters)", key: "evaluation.catalogue_mib"),
        Line(
          name: "evaluation: users", bytes: users + 4 * 16_384 * served,
          formula: "4 · 64 n d (\(each) L + 4) + 4 · 16,384 \(letters)", key: "model.length"),
      ]
    }
    return [
      Line(name: "evaluation: a block", bytes: 12 * Double(Catalogue.blockRows) * served, formula: "12 · 4,096 \(letters)"),
      Line(
        name: "evaluation: users", bytes: users + budget / 4,
        formula: "4 · 64 n d (\(each) L + 4) + evaluation.catalogue_mib / 4",
        key: "model.length"),
    ]
  }
}
