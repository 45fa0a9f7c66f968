import Collectives
import Tensors
import TestSupport

@testable import Model

/// A golden case in our own model: parameters loaded, then each objective run once with its gradients.
final class GoldenRun {
  let golden: GoldenCase
  let model: PreciseModel
  let e: Matrix
  private(set) var balance = 0.0
  private let fusion: EmbeddingFusion
  private let saved: EmbeddingFusion.Saved
  private let workspace = Workspace(chunkBytes: 1 << 20)
  private let everyItem: [Int32]
  private let users: GoldenUsers

  init(_ golden: GoldenCase) throws {
    self.golden = golden
    let config = golden.config
    let shape = FusionShape(
      idWidth: config.idDimension, semanticWidth: config.semanticDimension, tokenWidth: config.tokenDimension,
      tokens: config.tokens, experts: config.experts, active: config.active,
      gateInput: config.gateInput == .mean ? .mean : .concat)
    let mask = try golden.file.bools("mask")
    let counts = (0..<config.items).map { item in mask[(item * config.tokens)..<((item + 1) * config.tokens)].count { $0 } }
    model = PreciseModel(
      ModelShape(
        fusion: shape, layers: config.layers, heads: config.heads, length: config.length,
        scenes: config.scenes > 0 ? config.scenes : nil, behaviors: config.behaviors > 0 ? config.behaviors : nil,
        block: config.isGated ? .gated : .prenorm, time: TimeAnchor(rawValue: config.time.rawValue),
        userHead: config.residualUserHead ? .residual : .mlp),
      table: .init(
        shape: shape, items: config.items, tokenCount: { counts[$0] }, rule: .adaGrad(epsilon: 1e-10), seed: 1),
      communicator: SoloCommunicator())
    for parameter in model.parameters.parameters {
      let values = try golden.parameter(parameter.name)
      precondition(values.count == parameter.count, "\(parameter.name): \(values.count) numbers for \(parameter.shape)")
      parameter.value.base.update(from: values, count: values.count)
    }
    try model.items.ids.base.update(from: golden.file.floats("ids"), count: model.items.ids.count)
    let states = try golden.file.floats("tokens")
    let stride = config.tokens * config.tokenDimension
    for item in 0..<config.items {
      let target = model.items.tokens.states(of: item)
      target.store(Array(states[(item * stride)..<(item * stride + target.count)]))
    }
    users = try GoldenUsers(golden)
    everyItem = (0..<Int32(config.items)).map { $0 }
    e = workspace.matrix(config.items, shape.width)
    fusion = EmbeddingFusion(shape, in: model.parameters)
    let rows = workspace.take(Int32.self, everyItem.count)
    rows.update(from: everyItem, count: everyItem.count)
    let list = RowList(start: rows, count: everyItem.count)
    model.items.embedOwned(list, into: e, workspace: workspace)
    saved = fusion.forward(
      list, tokens: model.items.tokens, into: workspace.matrix(config.items, shape.semanticWidth), workspace: workspace)
    balance = saved.routing.loss
  }

  /// h `[B, n, d]` of the causal transformer, zero where there is no event.
  func hidden() throws -> [Float] {
    workspace.scope {
      let encoded = model.encode(
        e, input: users.input, batch: users.packed, mode: .inference(causal: true), workspace: workspace)
      return users.unpack(encoded.hidden, length: golden.config.length)
    }
  }

  /// h of each user's newest event, by the way of inference, and by the reference's h; users without events are left out.
  func newest() throws -> (actual: [Float], expected: [Float]) {
    let reference = try golden.file.floats("h")
    return workspace.scope {
      let hidden = model.encodeNewest(e, input: users.input, batch: users.packed, workspace: workspace)
      var pair = (actual: [Float](), expected: [Float]())
      for user in 0..<users.packed.users where !users.packed.rows(of: user).isEmpty {
        pair.actual += hidden.rows(user..<user + 1).values
        let end = (user + 1) * golden.config.length * e.columns  // padding is on the left
        pair.expected += reference[(end - e.columns)..<end]
      }
      return pair
    }
  }

  /// h' `[B, d]`.
  func userEmbeddings() throws -> [Float] {
    workspace.scope {
      let encoded = model.encode(
        e, input: users.input, batch: users.packed, mode: .inference(causal: false), workspace: workspace)
      let result = workspace.matrix(users.packed.users, e.columns)
      _ = model.userHead?.forward(encoded.hidden, batch: users.packed, into: result, workspace: workspace)
      return result.values
    }
  }

  /// Loss values by golden name, and gradients by parameter name, `ids` and `tokens`.
  func run(_ loss: GoldenCase.Loss) throws -> (losses: [String: Double], gradients: [String: [Float]]) {
    model.parameters.clearGradients()
    return try workspace.scope {
      let dE = workspace.zeros(e.rows, e.columns)
      let losses = try objective(loss, dE: dE)
      let shape = model.shape.fusion
      let dTokens = workspace.zeros(golden.config.items * shape.tokens, shape.tokenWidth)
      try fusion.backward(
        saved, dSemantic: dE.columns(shape.idWidth..<shape.width), tokens: model.items.tokens,
        balance: Balance(saved.routing, weight: golden.config.balance),
        context: StepContext(workspace, mode: .inference(causal: true)), trainsTokens: true,
        dStates: { item in
          let tokens = model.items.tokens.tokens(of: item).count
          return .written(dTokens.rows(item * shape.tokens..<item * shape.tokens + tokens))
        })
      var gradients = ["ids": dE.columns(0..<shape.idWidth).values, "tokens": dTokens.values]
      for parameter in model.parameters.parameters { gradients[parameter.name] = parameter.gradientVector.values }
      return (losses, gradients)
    }
  }

  private func objective(_ loss: GoldenCase.Loss, dE: Matrix) throws -> [String: Double] {
    let config = golden.config
    let context = StepContext(workspace, mode: .inference(causal: loss == .phase1))
    var values = [0.0, 0.0]
    func run(_ objective: some Objective, _ batch: StepBatch) throws {
      try values.withUnsafeMutableBufferPointer {
        try objective.lossAndGradients(model, e: e, batch: batch, dE: dE, losses: $0, context: context)
      }
    }
    if loss == .phase1 {
      try run(UniversalObjective(logitScale: config.logitScale), users.universal)
      return ["next_item": values[0], "phase1": values[0] + Double(config.balance) * balance, "balance": balance]
    }
    let softmax = loss == .phase2 ? 0 : 0.5
    try run(TargetedObjective(bpr: 1, softmax: softmax, logitScale: config.logitScale), users.targeted)
    var losses = ["bpr": values[0]]
    losses[loss.rawValue] = values[0] + softmax * values[1] + Double(config.balance) * balance
    if softmax > 0 { losses["target_softmax"] = values[1] }
    return losses
  }
}
