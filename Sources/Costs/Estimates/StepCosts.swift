import Config
import Datasets
package import Host
import Model
import Runs
import Tensors
import Training

/// What each part of a step cannot do without, on one rank: floating-point operations of products, and bytes to and from memory.
///
/// Operations are those of `StepProducts` and of the small products besides: attention's, the gate's, the pooling's, the users' of
/// BPR. What a kernel forms a second time (scores in attention's backward) counts once; element-wise work does not count.
///
/// Bytes are compulsory ones: what a part reads that was there before it, once, and what it leaves for later parts, once, as if a
/// cache held everything in between and nothing from the part before. Ours.
///
/// Letters: T positions, Q rows of the softmax, B users of all ranks, N negatives, U wanted and O owned items;
/// d, d_id, d_s and dt widths, g that of the gate's input; K experts, k active ones; m tokens, b_s bytes of a stored element; L blocks,
/// H heads, n length; P dense parameters, P_f of fusion, P_t of the others; C = T n pairs of positions that attend, when causal
/// T (n + 1) / 2. Sequences are taken to be of one length.
package struct StepCosts: Sendable {
  /// What one part takes.
  package struct Cost: Sendable, Equatable {
    /// Floating-point operations; a product's multiply and add are two.
    package var operations = 0.0
    /// Bytes to and from memory.
    package var bytes = 0.0
  }

  /// One a part, in the order of `StepPart`.
  package private(set) var all = [Cost](repeating: Cost(), count: StepPart.allCases.count)
  private let config: RunConfig
  private let plan: PhasePlan
  private let shape: ModelShape
  private let size: StepSize
  private let tokensTrained: Double
  /// Bytes of an element that products read again in backward.
  private let kept: Double
  /// The same of the experts' products.
  private let keptPooled: Double
  private let tokens: Double
  private let fusionParameters: Double
  private let otherParameters: Double

  /// What a part takes.
  package subscript(part: StepPart) -> Cost { all[part.rawValue] }

  /// The costs of a phase's step.
  ///
  /// - Parameter tokensTrained: the share of the steps in which token states are trained.
  init(
    _ config: RunConfig, _ plan: PhasePlan, _ facts: EstimateFacts, _ shape: ModelShape, _ size: StepSize,
    precision: NumberFormat,
    tokensTrained: Double
  ) {
    self.config = config
    self.plan = plan
    self.shape = shape
    self.size = size
    self.tokensTrained = tokensTrained
    kept = Double(precision.size)
    keptPooled = Double(shape.fusion.productPrecision(precision).size)
    tokens = facts.items > 0 ? Double(facts.tokens) / Double(facts.items) : 0
    let specs = PreciseModel.specs(shape)
    fusionParameters = Double(ParameterArena.count(of: specs.filter { $0.group == .fusion }))
    otherParameters = Double(ParameterArena.count(of: specs)) - fusionParameters
    let products = StepProducts(shape, size)
    for part in StepPart.allCases {
      all[part.rawValue] = Cost(operations: products.operations(of: part) + smallProducts(part), bytes: bytes(part))
    }
  }

  // MARK: Operations

  /// The operations of a part besides those of `StepProducts`.
  ///
  ///     embed          2 O g K + 4 O k m dt                            gate; scores and weighted sums of tokens
  ///     items          2 O g K + 4 O k m dt                            gate's weights; gradients of weights and queries
  ///                    + 2 O g K + 4 O k m dt                          … of token states, while they are trained
  ///     encode         4 L C d                                         scores, weighted sums of values
  ///     encodeBackward 8 L C d                                         gradients of weights, values, queries, keys
  ///     loss           6 B/R B d                                       BPR: scores, two gradients
  private func smallProducts(_ part: StepPart) -> Double {
    let d = Double(shape.fusion.width)
    switch part {
    case .embed: return fusing
    case .items: return fusing * (1 + tokensTrained)
    case .encode: return 4 * Double(shape.layers) * pairs * d
    case .encodeBackward: return 8 * Double(shape.layers) * pairs * d
    case .loss: return ranksUsers ? 6 * size.users * allUsers * d : 0
    case .batch, .reduce, .dense: return 0
    }
  }

  private var fusing: Double {
    let fusion = shape.fusion
    guard fusion.readsText else { return 0 }
    let gate = 2 * Double(fusion.gateWidth * fusion.experts)
    return size.owned * (gate + 4 * Double(fusion.active * fusion.tokenWidth) * tokens)
  }

  /// Attention's pairs, for sequences of one length.
  private var pairs: Double {
    guard size.users > 0 else { return 0 }
    let length = size.positions / size.users
    return size.positions * (plan.kind.isUniversal ? (length + 1) / 2 : length)
  }

  // MARK: Bytes

  /// The bytes of a part.
  ///
  ///     batch          8 (T + Q + N) + 4 U                             items in, places out; the distinct rows
  ///     embed          O (b_s m dt + 4 d_id) + 4 P_f + keep_f + 4 U d  rows, weights; keep_f and embeddings out
  ///     encode         4 U d + 4 P_t + keep_t                          embeddings, weights; keep_t out
  ///     loss           4 d (2 Q + 3 min(U, Q + N))                     h, its gradient; embeddings, their gradients in and out
  ///                    + 8 B d                                         BPR: all users and their gradients
  ///     encodeBackward keep_t + 4 Q d + 12 P_t + 8 d min(U, T)         what was kept; weights, gradients in and out, dE in and out
  ///     items          4 U d + keep_f + O b_s m dt + 12 P_f            dE, what was kept, states; weights, gradients in and out
  ///                    + O (8 d_id + r(d_id))                          ID rows in and out, while they are trained
  ///                    + O m (b_s dt + r(dt))                          token states out, while they are trained
  ///     reduce         0                                               waits for what was sent during other parts
  ///     dense          29 P                                            gradients; values and two moments in and out; decay flags
  ///
  /// with what fusion keeps, `keep_f = 4 O (k (dt + d_s + m + 1) + K)`, what the transformer keeps,
  /// `keep_t = T (L (10 b_a d + 4 (2 d + H + 4)) + 4 (2 d + 2))` and 8 T with a time bias, in gated blocks 18 b_a d, with b_a bytes of an activation, in a targeted phase `+ b_a B/R (n d + 2 d)`, and
  /// an optimizer's numbers of a row, in and out: `r(x) = 8` for AdaGrad, `8 (2 x + 1)` for Adam.
  private func bytes(_ part: StepPart) -> Double {
    let d = Double(shape.fusion.width)
    switch part {
    case .batch: return 8 * (size.positions + size.queries + size.negatives) + 4 * size.wanted
    case .embed: return size.owned * (states + idBytes) + 4 * fusionParameters + fusionKeeps + 4 * size.wanted * d
    case .encode: return 4 * size.wanted * d + 4 * otherParameters + transformerKeeps
    case .loss:
      let touched = min(size.wanted, size.queries + size.negatives)
      return 4 * d * (2 * size.queries + 3 * touched) + (ranksUsers ? 8 * allUsers * d : 0)
    case .encodeBackward:
      return transformerKeeps + 4 * size.queries * d + 12 * otherParameters + 8 * d * min(size.wanted, size.positions)
    case .items: return 4 * size.wanted * d + fusionKeeps + size.owned * states + 12 * fusionParameters + updates
    case .reduce: return 0
    case .dense: return 29 * (fusionParameters + otherParameters)
    }
  }

  private var idBytes: Double { 4 * Double(shape.fusion.idWidth) }

  /// Token states of an item.
  private var states: Double {
    shape.fusion.readsText
      ? tokens * Double(shape.fusion.tokenWidth * config.compute.tokenStorage.size) : 0
  }

  private var fusionKeeps: Double {
    let fusion = shape.fusion
    guard fusion.readsText else { return 0 }
    let slot = keptPooled * Double(fusion.tokenWidth) + 4 * (Double(fusion.semanticWidth + 1) + tokens)
    return size.owned * (Double(fusion.active) * slot + 4 * Double(fusion.experts))
  }

  private var transformerKeeps: Double {
    let (d, layers) = (Double(shape.fusion.width), Double(shape.layers))
    let block = Double(TransformerBlock.keptRows(shape.block)) * kept * d + 4 * (2 * d + Double(shape.heads) + 4)
    let head = shape.userHead == nil ? 0 : kept * size.users * d * Double(shape.length + 2)
    let ages = shape.time == nil ? 0.0 : 8
    return size.positions * (layers * block + 4 * (2 * d + 2) + ages) + head
  }

  private var updates: Double {
    let state = { (width: Int) in config.optimizer.rows == .lazyAdam ? 8 * Double(2 * width + 1) : 8.0 }
    let fusion = shape.fusion
    let ids = trainsIDs && fusion.idWidth > 0 ? 2 * idBytes + state(fusion.idWidth) : 0
    let text = fusion.readsText ? tokensTrained * (states + tokens * state(fusion.tokenWidth)) : 0
    return size.owned * (ids + text)
  }

  // MARK: What the phase does

  private var trainsIDs: Bool {
    if case .targeted(let phase) = plan.kind { return !phase.freeze.contains(.ids) }
    return true
  }

  private var ranksUsers: Bool {
    if case .targeted(let phase) = plan.kind { return phase.objective.bpr > 0 }
    return false
  }

  private var allUsers: Double { size.users * Double(size.ranks) }
}

extension StepProducts {
  /// The products of a step of this size.
  init(_ shape: ModelShape, _ size: StepSize) {
    let whole = { (value: Double) in Int(value.rounded()) }
    self.init(
      shape, positions: whole(size.positions), queries: whole(size.queries), users: whole(size.users),
      items: whole(size.owned), negatives: whole(size.negatives))
  }
}
