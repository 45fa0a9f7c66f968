package import Collectives
package import Host
package import Tensors

/// The item table of the whole job, as one rank sees it: its own rows, and the way to everybody's embeddings.
///
/// Owner computes the fusion: ID rows and token states never leave their owner, fused embeddings and their gradients do.
/// docs/distributed.md, "Items".
package final class ItemTable {
  /// What a table is made of.
  package struct Plan {
    /// The extents of fusion.
    package let shape: FusionShape
    /// The number of items of the catalogue, V.
    package let items: Int
    /// The number of tokens of an item, by catalogue row; not called when items have no text.
    package let tokenCount: (Int) -> Int
    /// The rule that updates rows.
    package let rule: RowOptimizer.Rule
    /// The seed of the ID rows' first values.
    package let seed: UInt64
    /// How token states are stored; ID rows are float32.
    package let tokenElement: NumberFormat

    /// Describes a table.
    package init(
      shape: FusionShape, items: Int, tokenCount: @escaping (Int) -> Int, rule: RowOptimizer.Rule, seed: UInt64,
      tokenElement: NumberFormat = .fp32
    ) {
      self.shape = shape
      self.items = items
      self.tokenCount = tokenCount
      self.tokenElement = tokenElement
      self.rule = rule
      self.seed = seed
    }
  }

  /// A step's embeddings on their way: what backward needs.
  package struct Saved {
    let route: RowRoute
    let fusion: EmbeddingFusion.Saved?
    /// How this rank's own items were routed; nil for items without a semantic half.
    package var routing: Routing? { fusion?.routing }
  }

  /// Learning rates of a step's row updates.
  package struct LearningRates: Sendable {
    /// For ID rows; nil when they are frozen.
    package let id: Float?
    /// For token states; nil while they are frozen.
    package let token: Float?

    /// Describes a step's rates.
    package init(id: Float?, token: Float?) {
      self.id = id
      self.token = token
    }
  }

  /// The extents.
  package let shape: FusionShape
  /// Who owns which row.
  package let partition: RowPartition
  /// The way of row numbers, embeddings and gradients.
  package let exchange: RowExchange
  /// The ID rows that this rank owns, `[local rows, d_id]`.
  package let ids: Matrix
  /// Their optimizer's state.
  package let idOptimizer: RowOptimizer
  /// The token states that this rank owns; empty when items have no semantic half.
  package let tokens: TokenTable
  /// Their optimizer's state, a row a token; made when tokens are first trained.
  package private(set) var tokenOptimizer: RowOptimizer?
  private let rule: RowOptimizer.Rule
  private let fusion: EmbeddingFusion?
  private let communicator: any Communicator
  private let idStorage: Storage<Float>

  /// Allocates this rank's rows; every ID row's start is a pure function of (seed, row).
  package init(_ plan: Plan, arena: ParameterArena, communicator: any Communicator) {
    shape = plan.shape
    rule = plan.rule
    self.communicator = communicator
    partition = RowPartition(rows: plan.items, ranks: communicator.size)
    exchange = RowExchange(partition: partition, communicator: communicator)
    let local = partition.count(ownedBy: communicator.rank)
    idStorage = Storage(count: local * shape.idWidth)
    ids = Matrix(idStorage.base, rows: local, columns: shape.idWidth)
    idOptimizer = RowOptimizer(rule, rows: local, width: shape.idWidth)
    let stream = RandomStream(seed: plan.seed, purpose: .itemRow)
    let items = (0..<local).lazy.map { [partition] in partition.row($0, ownedBy: communicator.rank) }
    for (row, item) in items.enumerated() {
      stream.fillNormal(row: UInt64(item), Vector(ids.row(row), count: shape.idWidth), deviation: 0.02)
    }
    tokens = TokenTable(
      counts: items.map { [shape] in shape.readsText ? min(plan.tokenCount($0), shape.tokens) : 0 }, width: shape.tokenWidth,
      element: plan.tokenElement)
    fusion = shape.readsText ? EmbeddingFusion(shape, in: arena) : nil
  }

  /// The same rows and optimizer state under another phase's dense parameters.
  ///
  /// The two tables share their rows: the other must not be trained any further. Accumulators are kept, so that a targeted
  /// phase goes on with small steps instead of starting with large ones (ours).
  package init(_ other: ItemTable, arena: ParameterArena) {
    shape = other.shape
    rule = other.rule
    communicator = other.communicator
    partition = other.partition
    exchange = other.exchange
    idStorage = other.idStorage
    ids = other.ids
    idOptimizer = other.idOptimizer
    tokens = other.tokens
    tokenOptimizer = other.tokenOptimizer
    fusion = shape.readsText ? EmbeddingFusion(shape, in: arena) : nil
  }

  /// The catalogue row of a local one.
  package func item(ofLocalRow row: Int) -> Int { partition.row(row, ownedBy: communicator.rank) }

  /// The state of the token rows' optimizer, made on first use.
  package func tokenOptimizerState() -> RowOptimizer {
    if let tokenOptimizer { return tokenOptimizer }
    let made = RowOptimizer(rule, rows: tokens.tokenCount, width: shape.tokenWidth)
    tokenOptimizer = made
    return made
  }

  /// Embeds the items of a complete route: e `[wanted, d]`, in the order of the route's rows.
  ///
  /// - Parameter precision: of the experts' products.
  package func embed(_ route: RowRoute, into e: Matrix, precision: NumberFormat = .fp32, workspace: Workspace) throws -> Saved {
    guard communicator.size > 1 else {
      return Saved(route: route, fusion: embedOwned(route.owned, into: e, precision: precision, workspace: workspace))
    }
    let ownedE = workspace.matrix(route.owned.count, shape.width)
    let saved = embedOwned(route.owned, into: ownedE, precision: precision, workspace: workspace)
    try exchange.deliver(ownedE, route, into: e, workspace: workspace)
    return Saved(route: route, fusion: saved)
  }

  /// Embeds distinct catalogue rows, in any order: e `[wanted, d]`.
  ///
  /// Collective: every rank calls it, with rows of its own choice or none.
  package func embed(_ wanted: RowList, into e: Matrix, workspace: Workspace) throws {
    try workspace.scope {
      let rows = UniqueRows(of: partition)
      rows.collect(wanted)
      precondition(rows.count == wanted.count, "\(wanted.count) rows, \(rows.count) of them distinct")
      let route = exchange.makeRoute()
      try exchange.start(route, wanted: rows.rows)
      try exchange.finish(route)
      let ordered = workspace.matrix(e.rows, e.columns)
      _ = try embed(route, into: ordered, workspace: workspace)
      let indices = workspace.take(Int32.self, wanted.count)
      rows.locate(wanted, into: indices)
      gather(RowList(start: indices, count: wanted.count), from: ordered, into: e)
    }
  }

  /// Takes dE `[wanted, d]` back to the owners, who update their rows and add to the fusion's dense gradients.
  ///
  /// - Parameters:
  ///   - balance: what the balance loss asks of the gate; nil for items without a semantic half.
  ///   - rounding: the step's random bits (purpose `tokenRounding`), which token states in 16 bits are rounded by; nil when
  ///     they are float32 or frozen.
  ///   - context: its observer hears now and then.
  package func update(
    _ saved: Saved, dE: Matrix, balance: Balance?, learningRates: LearningRates, rounding: RandomStream? = nil,
    context: StepContext
  ) throws {
    let workspace = context.workspace
    try workspace.scope {
      let owned = saved.route.owned
      let ownedDE = try collect(dE, saved.route, workspace)
      if let fusion, let savedFusion = saved.fusion, let balance {
        let optimizer = learningRates.token.map { _ in tokenOptimizerState() }
        // A closure in a variable would be allocated in every step.
        try fusion.backward(
          savedFusion, dSemantic: ownedDE.columns(shape.idWidth..<shape.width), tokens: tokens, balance: balance,
          context: context, trainsTokens: optimizer != nil,
          dStates: { item in
            guard let optimizer, let rate = learningRates.token else { return .unwanted }
            return .applied(self.tokenUpdate(Int(owned[item]), optimizer, rounding, learningRate: rate))
          })
      }
      if let rate = learningRates.id, shape.idWidth > 0 { updateIDs(owned, ownedDE, learningRate: rate) }
    }
  }

  private func collect(_ dE: Matrix, _ route: RowRoute, _ workspace: Workspace) throws -> Matrix {
    guard communicator.size > 1 else { return dE }
    let ownedDE = workspace.matrix(route.owned.count, shape.width)
    try exchange.collect(dE, route, into: ownedDE, workspace: workspace)
    return ownedDE
  }

  /// Embeds local rows of this rank: e `[rows, d]`; what fusion saves is for backward.
  @discardableResult
  package func embedOwned(
    _ rows: RowList, into e: Matrix, precision: NumberFormat = .fp32, workspace: Workspace
  ) -> EmbeddingFusion.Saved? {
    if shape.idWidth > 0 { gather(rows, from: ids, into: e.columns(0..<shape.idWidth)) }
    let semantic = e.columns(shape.idWidth..<shape.width)
    guard let fusion else {
      semantic.clear()
      return nil
    }
    return fusion.forward(rows, tokens: tokens, into: semantic, precision: precision, workspace: workspace)
  }

  private func updateIDs(_ owned: RowList, _ ownedDE: Matrix, learningRate: Float) {
    for (index, row) in owned.enumerated() {
      idOptimizer.update(
        Int(row), gradient: Vector(ownedDE.row(index), count: shape.idWidth),
        value: Vector(ids.row(Int(row)), count: shape.idWidth), learningRate: learningRate)
    }
  }

  /// Random bits belong to the catalogue's row and the token's number, so that every number of ranks rounds the same.
  private func tokenUpdate(
    _ row: Int, _ optimizer: RowOptimizer, _ rounding: RandomStream?, learningRate: Float
  ) -> RowUpdate {
    optimizer.update(
      ofRow: tokens.starts[row], rounding: rounding.map { StochasticRounding($0, item: item(ofLocalRow: row), token: 0) },
      learningRate: learningRate)
  }
}
