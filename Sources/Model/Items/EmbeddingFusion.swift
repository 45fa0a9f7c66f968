package import Host
package import Tensors

/// Item → embedding: `e_i = ID(i) ⊕ Σ_j g_j Attn_j(X_i)`, a mixture of experts over token states.
///
/// docs/model.md, section 1.
///
/// Letters: O items, m tokens, dt token width, K experts, k active, d_s semantic width, J = k · (items with text) routed
/// slots. Only the active experts are computed: slots are grouped by expert, and each expert is one product over its group.
/// An item's embedding is a function of the item alone, bit for bit, whatever else is in the list and in its group: the products
/// are packed ones. So it does not matter which owner forms it, together with what.
package struct EmbeddingFusion {
  /// The extents.
  package let shape: FusionShape

  /// Activations kept for backward.
  package struct Saved {
    /// How this rank's items were routed.
    package let routing: Routing
    let rows: RowList  // the items' local rows, O
    let chosen: UnsafeMutablePointer<Int32>  // [O, k]
    let gates: Matrix  // [O, k]
    let probabilities: Matrix  // [O, K]
    let weights: Matrix  // [O, k · m], of which item o uses [k, m_o]
    let means: Matrix  // [O, dt], what the gate read; [0, dt] when it reads concatenated states
    let slots: ExpertSlots
    let pooled: StoredRows  // [J, dt], grouped by expert, as the experts' products read it
    let results: Matrix  // [J, d_s], grouped by expert
  }

  /// Items that go through gate and pooling together: enough rows for a product, and a reason to look after messages in between.
  static let blockItems = 32

  private let gateWeight: Parameter
  private let gateBias: Parameter
  private let queries: Parameter
  private let experts: Parameter

  /// Declares gate, expert queries and expert weights; nothing when items have no semantic half.
  package static func specs(_ shape: FusionShape) -> [ParameterSpec] {
    guard shape.readsText else { return [] }
    let specs = [
      ParameterSpec("fusion.gate.weight", [shape.gateWidth, shape.experts], .xavierUniform, decays: true, rows: .tokens),
      ParameterSpec("fusion.gate.bias", [shape.experts], .zeros, decays: false),
      ParameterSpec("fusion.expert.query", [shape.experts, shape.tokenWidth], .normal(deviation: 0.02), decays: false),
      ParameterSpec(
        "fusion.expert.weight", [shape.experts, shape.tokenWidth, shape.semanticWidth], .xavierUniform, decays: true),
    ]
    return specs.map { $0.grouped(.fusion) }
  }

  /// Finds the parameters in an arena.
  package init(_ shape: FusionShape, in arena: ParameterArena) {
    precondition(shape.readsText, "fusion of items without text")
    self.shape = shape
    gateWeight = arena["fusion.gate.weight"]
    gateBias = arena["fusion.gate.bias"]
    queries = arena["fusion.expert.query"]
    experts = arena["fusion.expert.weight"]
  }

  // MARK: Forward

  /// Writes the semantic half `[O, d_s]` of the items at `rows` of a token table.
  ///
  /// - Parameter precision: what the factors of the experts' products are rounded to, forward and backward: float32 in inference.
  package func forward(
    _ rows: RowList, tokens: TokenTable, into semantic: Matrix, precision: NumberFormat = .fp32, workspace: Workspace
  ) -> Saved {
    let (count, active) = (rows.count, shape.active)
    let chosen = workspace.take(Int32.self, count * active)
    let gates = workspace.zeros(count, active)
    let probabilities = workspace.zeros(count, shape.experts)
    let weights = workspace.matrix(count, active * shape.tokens)
    let means = workspace.matrix(shape.gateInput == .mean ? count : 0, shape.tokenWidth)
    let slots = ExpertSlots(capacity: count * active, experts: shape.experts, workspace: workspace)
    let pooled = workspace.rows(count * active, shape.tokenWidth, shape.productPrecision(precision))
    let results = workspace.matrix(count * active, shape.semanticWidth)
    let saved = Saved(
      routing: Routing(experts: shape.experts, workspace: workspace), rows: rows, chosen: chosen, gates: gates,
      probabilities: probabilities, weights: weights, means: means, slots: slots, pooled: pooled, results: results)
    workspace.scope {
      let unsorted = workspace.matrix(count * active, shape.tokenWidth)
      switch shape.gateInput {
      case .mean: readItems(tokens: tokens, saved: saved, pooled: unsorted, workspace: workspace)
      case .concat:
        let gate = PackedFactor(gateWeight.value, workspace: workspace)
        forEachBlock(count) { items in
          readItems(items, gate, tokens: tokens, saved: saved, pooled: unsorted, workspace: workspace)
        }
      }
      slots.group(chosen: chosen, perItem: active) { !tokens.tokens(of: Int(rows[$0])).isEmpty }
      gather(slots.slots, from: unsorted, into: pooled.rows(0..<slots.count))
    }
    semantic.clear()
    for expert in 0..<shape.experts {
      let group = slots.range(of: expert)
      guard !group.isEmpty else { continue }
      workspace.scope {
        let weight = PackedFactor(experts.slice(expert).value, precision: pooled.element, workspace: workspace)
        multiply(pooled.rows(group), weight, into: results.rows(group))
      }
    }
    workspace.scope {
      let factors = slotGates(saved, workspace)
      scatterAdd(results.rows(0..<slots.count), scaledBy: factors, to: slots.items, of: semantic)
    }
    return saved
  }

  /// Gate and attention pooling, item after item, when the gate reads means: an item's states stay in the cache for both.
  private func readItems(tokens: TokenTable, saved: Saved, pooled: Matrix, workspace: Workspace) {
    workspace.scope {
      let gate = gateRows(workspace)
      let logits = workspace.vector(shape.experts)
      let ahead = StatesAhead(tokens, saved.rows, distance: 1)
      for item in 0..<saved.rows.count {
        let states = tokens.states(of: Int(saved.rows[item]))
        guard states.rows > 0 else {
          row(saved.means, item).clear()
          continue
        }
        let fused = FusedItem(
          chosen: chosenExperts(saved, item), gates: row(saved.gates, item), probabilities: row(saved.probabilities, item),
          logits: logits, weights: itemWeights(saved, item, states.rows), pooled: itemPooled(pooled, item),
          mean: row(saved.means, item))
        fuse(
          states, gate: gate, bias: gateBias.vector, queries: queries.value, into: fused, fetching: ahead.states(after: item))
        count(item, saved)
      }
    }
  }

  /// The same for a block of items whose gate reads concatenated states.
  private func readItems(
    _ items: Range<Int>, _ gate: PackedFactor, tokens: TokenTable, saved: Saved, pooled: Matrix, workspace: Workspace
  ) {
    workspace.scope {
      let input = concatenated(items, saved.rows, tokens, workspace)
      let logits = workspace.matrix(items.count, shape.experts)
      multiply(input, gate, into: logits)
      addBias(gateBias.vector, to: logits)
      for item in items {
        let states = tokens.states(of: Int(saved.rows[item]))
        guard states.rows > 0 else { continue }
        let chosen = chosenExperts(saved, item)
        chooseExperts(
          row(logits, item - items.lowerBound), chosen: chosen, gates: row(saved.gates, item),
          probabilities: row(saved.probabilities, item))
        attentionPool(
          states, chosen: RowList(chosen), queries: queries.value, weights: itemWeights(saved, item, states.rows),
          pooled: itemPooled(pooled, item))
        count(item, saved)
      }
    }
  }

  /// Adds an item to the routing.
  private func count(_ item: Int, _ saved: Saved) {
    for expert in chosenExperts(saved, item) { saved.routing.routed[Int(expert)] += 1 }
    for expert in 0..<shape.experts { saved.routing.probability[expert] += Double(saved.probabilities[item, expert]) }
    saved.routing.items += 1
  }

  // MARK: Backward

  /// Adds to the parameters' gradients from dSemantic `[O, d_s]`, and hands on the token states' gradients.
  ///
  /// - Parameters:
  ///   - balance: what the balance loss asks of the gate.
  ///   - trainsTokens: whether token states are trained; if not, nothing of their gradients is computed.
  ///   - dStates: asked in order, for every item with text, what becomes of the gradients of its states.
  ///   - context: its observer hears between blocks of items.
  package func backward(
    _ saved: Saved, dSemantic: Matrix, tokens: TokenTable, balance: Balance, context: StepContext, trainsTokens: Bool,
    dStates: (Int) -> StatesGradient
  ) throws {
    let workspace = context.workspace
    try workspace.scope {
      let slots = saved.slots
      let dGates = workspace.zeros(saved.rows.count, shape.active)
      let dPooled = workspace.matrix(slots.count, shape.tokenWidth)
      expertsBackward(saved, dSemantic: dSemantic, dGates: dGates, dPooled: dPooled, workspace: workspace)
      let dProbabilities = workspace.vector(shape.experts)
      for expert in 0..<shape.experts { dProbabilities[expert] = balance.probabilityGradient(of: expert) }
      let pass = ItemsPass(
        saved: saved, tokens: tokens, dGates: dGates, dPooled: dPooled, dProbabilities: dProbabilities, gate: gateRows(workspace),
        dGate: workspace.zeros(shape.experts, shape.gateWidth), trainsTokens: trainsTokens)
      try forEachBlock(saved.rows.count) { items in
        try context.complete(from: experts.offset)
        itemsBackward(items, pass, workspace, dStates)
      }
      for expert in 0..<shape.experts {
        for column in 0..<shape.gateWidth { gateWeight.gradient[column, expert] += pass.dGate[expert, column] }
      }
    }
  }

  /// Through the experts' products: dGates `[O, k]`, dPooled `[J, dt]` (grouped), and the expert weights' gradients.
  private func expertsBackward(_ saved: Saved, dSemantic: Matrix, dGates: Matrix, dPooled: Matrix, workspace: Workspace) {
    let slots = saved.slots
    let dResults = workspace.matrix(slots.count, shape.semanticWidth)
    gather(slots.items, from: dSemantic, into: dResults)
    let slotGradients = workspace.vector(slots.count)
    rowDots(saved.results.rows(0..<slots.count), dResults, into: slotGradients)
    for (position, slot) in slots.slots.enumerated() { dGates.base[Int(slot)] = slotGradients[position] }
    let factors = slotGates(saved, workspace)
    let dOutputs = workspace.rows(slots.count, shape.semanticWidth, saved.pooled.element)
    scaleRows(dResults, factors: factors, into: dOutputs)
    for expert in 0..<shape.experts {
      let group = slots.range(of: expert)
      guard !group.isEmpty else { continue }
      let weight = experts.slice(expert)
      addProduct(
        ofTransposed: saved.pooled.rows(group), dOutputs.rows(group), to: weight.gradient, workspace: workspace)
      workspace.scope {
        let factor = PackedFactor(weight.value, transposed: true, precision: dOutputs.element, workspace: workspace)
        multiply(dOutputs.rows(group), factor, into: dPooled.rows(group))
      }
    }
  }

  /// What backward through gate and pooling reads of every item.
  private struct ItemsPass {
    let saved: Saved
    let tokens: TokenTable
    let dGates: Matrix
    let dPooled: Matrix
    let dProbabilities: Vector
    /// The gate's weights and their gradients, a row an expert.
    let gate, dGate: Matrix
    let trainsTokens: Bool
  }

  /// Through gate and pooling of a block of items; each item's states are read once from memory and updated in place.
  private func itemsBackward(
    _ items: Range<Int>, _ pass: ItemsPass, _ workspace: Workspace, _ dStates: (Int) -> StatesGradient
  ) {
    let (saved, tokens) = (pass.saved, pass.tokens)
    workspace.scope {
      let dLogits = workspace.zeros(items.count, shape.experts)
      for item in items where !tokens.tokens(of: Int(saved.rows[item])).isEmpty {
        chooseExpertsBackward(
          chosen: RowList(chosenExperts(saved, item)), gates: row(saved.gates, item), dGates: row(pass.dGates, item),
          probabilities: row(saved.probabilities, item), dProbabilities: pass.dProbabilities,
          dLogits: row(dLogits, item - items.lowerBound))
      }
      let dInput = gateBackward(items, pass, dLogits, workspace)
      let ahead = StatesAhead(tokens, saved.rows, distance: 1)
      let scratch = PoolScratch(tokens: shape.tokens, width: shape.tokenWidth, active: shape.active, workspace: workspace)
      for item in items {
        let states = tokens.states(of: Int(saved.rows[item]))
        guard states.rows > 0 else { continue }
        attentionPoolBackward(
          states, chosen: RowList(chosenExperts(saved, item)), queries: queries.value,
          weights: itemWeights(saved, item, states.rows), dPooled: pass.dPooled,
          indices: saved.slots.indices(of: item, perItem: shape.active), dQueries: queries.gradient,
          start: gradientStart(dInput.row(item - items.lowerBound), tokens: states.rows),
          dStates: pass.trainsTokens ? dStates(item) : .unwanted, scratch: scratch, fetching: ahead.states(after: item))
      }
    }
  }

  /// Adds to the gate's gradients from dLogits `[items, K]`; returns those of its input, if wanted.
  private func gateBackward(_ items: Range<Int>, _ pass: ItemsPass, _ dLogits: Matrix, _ workspace: Workspace) -> Matrix {
    let isMean = shape.gateInput == .mean
    let input = isMean ? pass.saved.means.rows(items) : concatenated(items, pass.saved.rows, pass.tokens, workspace)
    // Means are kept as they were; concatenated states are not read again.
    let dInput = isMean && pass.trainsTokens ? workspace.matrix(items.count, shape.gateWidth) : input
    gateProductBackward(
      dLogits: dLogits, input: input, gate: pass.gate, dGate: pass.dGate, dInput: pass.trainsTokens ? dInput : nil)
    addColumnSums(dLogits, to: gateBias.gradientVector)
    return dInput
  }

  /// The gate's gradient on its input is where the token states' gradients start.
  private func gradientStart(_ dInput: UnsafePointer<Float>, tokens: Int) -> StatesGradientStart {
    switch shape.gateInput {
    case .mean: StatesGradientStart(rows: dInput, stride: 0, factor: 1 / Float(tokens))
    case .concat: StatesGradientStart(rows: dInput, stride: shape.tokenWidth, factor: 1)
    }
  }

  // MARK: Pieces

  /// The states of a block of items, one token behind the other, padded with zeros: `[items, m · dt]`.
  private func concatenated(_ items: Range<Int>, _ rows: RowList, _ tokens: TokenTable, _ workspace: Workspace) -> Matrix {
    let input = workspace.zeros(items.count, shape.gateWidth)
    for (line, item) in items.enumerated() { tokens.states(of: Int(rows[item])).copy(into: input.row(line)) }
    return input
  }

  /// The gate's weights, a row an expert `[K, width]`.
  private func gateRows(_ workspace: Workspace) -> Matrix {
    let gate = workspace.matrix(shape.experts, shape.gateWidth)
    for expert in 0..<gate.rows {
      for column in 0..<gate.columns { gate[expert, column] = gateWeight.value[column, expert] }
    }
    return gate
  }

  /// The gate of each grouped slot.
  private func slotGates(_ saved: Saved, _ workspace: Workspace) -> Vector {
    let factors = workspace.vector(saved.slots.count)
    for (position, slot) in saved.slots.slots.enumerated() { factors[position] = saved.gates.base[Int(slot)] }
    return factors
  }

  private func chosenExperts(_ saved: Saved, _ item: Int) -> UnsafeMutableBufferPointer<Int32> {
    UnsafeMutableBufferPointer(start: saved.chosen + item * shape.active, count: shape.active)
  }

  private func itemPooled(_ pooled: Matrix, _ item: Int) -> Matrix {
    pooled.rows((item * shape.active)..<((item + 1) * shape.active))
  }

  private func itemWeights(_ saved: Saved, _ item: Int, _ tokens: Int) -> Matrix {
    Matrix(saved.weights.row(item), rows: shape.active, columns: tokens)
  }

  private func row(_ matrix: Matrix, _ index: Int) -> Vector { Vector(matrix.row(index), count: matrix.columns) }

  private func forEachBlock(_ count: Int, _ body: (Range<Int>) throws -> Void) rethrows {
    for start in stride(from: 0, to: count, by: Self.blockItems) { try body(start..<min(start + Self.blockItems, count)) }
  }
}
