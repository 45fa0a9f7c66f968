import Kernels
public import Tensors

/// Item → embedding: `e_i = ID(i) ⊕ Σ_j g_j Attn_j(X_i)`, a mixture of experts over token states.
///
/// docs/model.md, section 1.
///
/// Letters: U items, m tokens, dₜ token width, K experts, k active, d_s semantic width, R = k · (items with text) routed
/// slots. Only the active experts are computed: slots are grouped by expert, and each expert is one product over its group.
/// An item's embedding is a function of the item alone, bit for bit, whatever else is in the list and in its group: the products
/// are packed ones. So it does not matter which owner forms it, together with what.
public struct EmbeddingFusion {
  /// The extents.
  public let shape: FusionShape

  /// Activations kept for backward.
  public struct Saved {
    /// How this rank's items were routed.
    public let routing: Routing
    let rows: RowList  // the items' local rows, U
    let chosen: UnsafeMutablePointer<Int32>  // [U, k]
    let gates: Matrix  // [U, k]
    let probabilities: Matrix  // [U, K]
    let weights: Matrix  // [U, k · m], of which item u uses [k, m_u]
    let slots: ExpertSlots
    let pooled: Matrix  // [R, dₜ], grouped by expert
    let results: Matrix  // [R, d_s], grouped by expert
  }

  /// Declares gate, expert queries and expert weights; nothing when items have no semantic half.
  public static func specs(_ shape: FusionShape) -> [ParameterSpec] {
    guard shape.readsText else { return [] }
    return [
      ParameterSpec("fusion.gate.weight", [shape.gateWidth, shape.experts], .xavierUniform, decays: true),
      ParameterSpec("fusion.gate.bias", [shape.experts], .zeros, decays: false),
      ParameterSpec("fusion.expert.query", [shape.experts, shape.tokenWidth], .normal(deviation: 0.02), decays: false),
      ParameterSpec(
        "fusion.expert.weight", [shape.experts, shape.tokenWidth, shape.semanticWidth], .xavierUniform, decays: true),
    ]
  }

  /// Finds the parameters in an arena.
  public init(_ shape: FusionShape, in arena: ParameterArena) {
    precondition(shape.readsText, "fusion of items without text")
    self.shape = shape
    gateWeight = arena["fusion.gate.weight"]
    gateBias = arena["fusion.gate.bias"]
    queries = arena["fusion.expert.query"]
    experts = arena["fusion.expert.weight"]
  }

  // MARK: Forward

  /// Writes the semantic half `[U, d_s]` of the items at `rows` of a token table.
  public func forward(_ rows: RowList, tokens: TokenTable, into semantic: Matrix, workspace: Workspace) -> Saved {
    let (count, active) = (rows.count, shape.active)
    let chosen = workspace.take(Int32.self, count * active)
    let gates = workspace.zeros(count, active)
    let probabilities = workspace.zeros(count, shape.experts)
    let weights = workspace.matrix(count, active * shape.tokens)
    let slots = ExpertSlots(capacity: count * active, experts: shape.experts, workspace: workspace)
    let pooled = workspace.matrix(count * active, shape.tokenWidth)
    let results = workspace.matrix(count * active, shape.semanticWidth)
    let saved = Saved(
      routing: Routing(experts: shape.experts, workspace: workspace), rows: rows, chosen: chosen, gates: gates,
      probabilities: probabilities,
      weights: weights, slots: slots, pooled: pooled, results: results)
    workspace.scope {
      let unsorted = workspace.matrix(count * active, shape.tokenWidth)
      let gate = PackedFactor(gateWeight.value, workspace: workspace)
      forEachBlock(count) { items in
        readItems(items, gate, tokens: tokens, saved: saved, pooled: unsorted, workspace: workspace)
      }
      slots.group(chosen: chosen, perItem: active) { !tokens.tokens(of: Int(rows[$0])).isEmpty }
      gather(slots.slots, from: unsorted, into: pooled.rows(0..<slots.count))
    }
    semantic.clear()
    for expert in 0..<shape.experts {
      let group = slots.range(of: expert)
      guard !group.isEmpty else { continue }
      workspace.scope {
        let weight = PackedFactor(experts.slice(expert).value, workspace: workspace)
        multiply(pooled.rows(group), weight, into: results.rows(group))
      }
    }
    workspace.scope {
      let factors = slotGates(saved, workspace)
      scatterAdd(results.rows(0..<slots.count), scaledBy: factors, to: slots.items, of: semantic)
    }
    return saved
  }

  /// Gate and attention pooling of a block of items: states are read once from memory and stay in the cache.
  private func readItems(
    _ items: Range<Int>, _ gate: PackedFactor, tokens: TokenTable, saved: Saved, pooled: Matrix, workspace: Workspace
  ) {
    workspace.scope {
      let gateInput = gateInput(items, saved.rows, tokens, workspace)
      let logits = workspace.matrix(items.count, shape.experts)
      multiply(gateInput, gate, into: logits)
      addBias(gateBias.vector, to: logits)
      for item in items {
        let states = tokens.states(of: Int(saved.rows[item]))
        guard states.rows > 0 else { continue }
        let chosen = chosenExperts(saved, item)
        chooseExperts(
          Vector(logits.row(item - items.lowerBound), count: shape.experts), chosen: chosen, gates: row(saved.gates, item),
          probabilities: row(saved.probabilities, item))
        attentionPool(
          states, chosen: RowList(chosen), queries: queries.value, weights: itemWeights(saved, item, states.rows),
          pooled: pooled.rows((item * shape.active)..<((item + 1) * shape.active)))
        for expert in chosen { saved.routing.routed[Int(expert)] += 1 }
        for expert in 0..<shape.experts { saved.routing.probability[expert] += Double(saved.probabilities[item, expert]) }
        saved.routing.items += 1
      }
    }
  }

  // MARK: Backward

  /// Adds to the parameters' gradients from dSemantic `[U, d_s]`, and hands on the token states' gradients.
  ///
  /// - Parameters:
  ///   - routing: the whole job's routing, for the balance loss.
  ///   - balance: λ, the weight of the balance loss.
  ///   - onGradients: called between blocks of items, with where the complete part of the flat gradients starts.
  ///   - trainsStates: whether the token states' gradients are wanted; not while tokens are frozen.
  ///   - onStates: called with (item, dStates `[m_i, dₜ]`) for every item with text, in order, when they are.
  public func backward(
    _ saved: Saved, dSemantic: Matrix, tokens: TokenTable, routing: Routing, balance: Float, workspace: Workspace,
    onGradients: (Int) throws -> Void, trainsStates: Bool = true, onStates: (Int, Matrix) -> Void
  ) rethrows {
    try workspace.scope {
      let slots = saved.slots
      let dGates = workspace.zeros(saved.rows.count, shape.active)
      let dPooled = workspace.matrix(slots.count, shape.tokenWidth)
      expertsBackward(saved, dSemantic: dSemantic, dGates: dGates, dPooled: dPooled, workspace: workspace)
      let dProbabilities = workspace.vector(shape.experts)
      for expert in 0..<shape.experts { dProbabilities[expert] = balance * Float(routing.probabilityGradient(of: expert)) }
      try forEachBlock(saved.rows.count) { items in
        try onGradients(experts.offset)
        itemsBackward(
          items, saved, dGates: dGates, dPooled: dPooled, dProbabilities: dProbabilities, tokens: tokens, workspace: workspace,
          trainsStates: trainsStates, onStates: onStates)
      }
    }
  }

  /// Through the experts' products: dGates `[U, k]`, dPooled `[R, dₜ]` (grouped), and the expert weights' gradients.
  private func expertsBackward(_ saved: Saved, dSemantic: Matrix, dGates: Matrix, dPooled: Matrix, workspace: Workspace) {
    let slots = saved.slots
    let dResults = workspace.matrix(slots.count, shape.semanticWidth)
    gather(slots.items, from: dSemantic, into: dResults)
    let slotGradients = workspace.vector(slots.count)
    rowDots(saved.results.rows(0..<slots.count), dResults, into: slotGradients)
    for (place, slot) in slots.slots.enumerated() { dGates.base[Int(slot)] = slotGradients[place] }
    let factors = slotGates(saved, workspace)
    for place in 0..<slots.count { scale(Vector(dResults.row(place), count: dResults.columns), by: factors[place]) }
    for expert in 0..<shape.experts {
      let group = slots.range(of: expert)
      guard !group.isEmpty else { continue }
      let weight = experts.slice(expert)
      multiply(
        saved.pooled.rows(group), transposed: true, dResults.rows(group), into: weight.gradient, adding: true,
        workspace: workspace)
      multiply(
        dResults.rows(group), weight.value, rightTransposed: true, into: dPooled.rows(group), workspace: workspace)
    }
  }

  /// Through gate and pooling of a block of items.
  private func itemsBackward(
    _ items: Range<Int>, _ saved: Saved, dGates: Matrix, dPooled: Matrix, dProbabilities: Vector, tokens: TokenTable,
    workspace: Workspace, trainsStates: Bool, onStates: (Int, Matrix) -> Void
  ) {
    workspace.scope {
      let dLogits = workspace.zeros(items.count, shape.experts)
      for item in items where !tokens.tokens(of: Int(saved.rows[item])).isEmpty {
        chooseExpertsBackward(
          chosen: RowList(chosenExperts(saved, item)), gates: row(saved.gates, item), dGates: row(dGates, item),
          probabilities: row(saved.probabilities, item), dProbabilities: dProbabilities,
          dLogits: row(dLogits, item - items.lowerBound))
      }
      let input = gateInput(items, saved.rows, tokens, workspace)
      multiply(input, transposed: true, dLogits, into: gateWeight.gradient, adding: true, workspace: workspace)
      addColumnSums(dLogits, to: gateBias.gradientVector)
      let dInput = input  // written over: the input is not read again
      if trainsStates {
        multiply(dLogits, gateWeight.value, rightTransposed: true, into: dInput, workspace: workspace)
      }
      let dItemPooled = workspace.matrix(shape.active, shape.tokenWidth)
      let dStatesBuffer = workspace.matrix(shape.tokens, shape.tokenWidth)
      for item in items {
        let states = tokens.states(of: Int(saved.rows[item]))
        guard states.rows > 0 else { continue }
        gather(saved.slots.places(of: item, perItem: shape.active), from: dPooled, into: dItemPooled)
        let dStates = trainsStates ? dStatesBuffer.rows(0..<states.rows) : nil
        if let dStates { spreadGateGradient(row(dInput, item - items.lowerBound), over: dStates) }
        attentionPoolBackward(
          states, chosen: RowList(chosenExperts(saved, item)), queries: queries.value,
          weights: itemWeights(saved, item, states.rows), dPooled: dItemPooled, dStates: dStates, dQueries: queries.gradient)
        if let dStates { onStates(item, dStates) }
      }
    }
  }

  // MARK: Pieces

  /// The gate's input of a block of items, `[items, dₜ]` (mean) or `[items, m · dₜ]` (concat).
  private func gateInput(_ items: Range<Int>, _ rows: RowList, _ tokens: TokenTable, _ workspace: Workspace) -> Matrix {
    let input = workspace.matrix(items.count, shape.gateWidth)
    for (line, item) in items.enumerated() {
      let states = tokens.states(of: Int(rows[item]))
      switch shape.gateInput {
      case .mean:
        tokenMean(states, into: row(input, line))
      case .concat:
        row(input, line).clear()
        states.copy(into: input.row(line))
      }
    }
    return input
  }

  /// The gate's gradient on its input becomes the start of the token states' gradients.
  private func spreadGateGradient(_ dInput: Vector, over dStates: Matrix) {
    switch shape.gateInput {
    case .mean:
      scale(dInput, by: 1 / Float(dStates.rows))
      for token in 0..<dStates.rows { dStates.row(token).update(from: dInput.base, count: dStates.columns) }
    case .concat:
      dStates.base.update(from: dInput.base, count: dStates.count)
    }
  }

  /// The gate of each grouped slot.
  private func slotGates(_ saved: Saved, _ workspace: Workspace) -> Vector {
    let factors = workspace.vector(saved.slots.count)
    for (place, slot) in saved.slots.slots.enumerated() { factors[place] = saved.gates.base[Int(slot)] }
    return factors
  }

  private func chosenExperts(_ saved: Saved, _ item: Int) -> UnsafeMutableBufferPointer<Int32> {
    UnsafeMutableBufferPointer(start: saved.chosen + item * shape.active, count: shape.active)
  }

  private func itemWeights(_ saved: Saved, _ item: Int, _ tokens: Int) -> Matrix {
    Matrix(saved.weights.row(item), rows: shape.active, columns: tokens)
  }

  private func row(_ matrix: Matrix, _ index: Int) -> Vector { Vector(matrix.row(index), count: matrix.columns) }

  /// Blocks of 32 items: their states (32 · 16 · 384 floats) fit in an L2 cache.
  private func forEachBlock(_ count: Int, _ body: (Range<Int>) throws -> Void) rethrows {
    for start in stride(from: 0, to: count, by: 32) { try body(start..<min(start + 32, count)) }
  }

  private let gateWeight: Parameter
  private let gateBias: Parameter
  private let queries: Parameter
  private let experts: Parameter
}
