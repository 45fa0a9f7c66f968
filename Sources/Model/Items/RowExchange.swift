package import Collectives
package import Tensors

/// Carries wanted rows' embeddings from their owners to the ranks that asked, and gradients back.
///
/// docs/distributed.md, "Items".
///
/// Two ranks, rank 0 wants rows [0, 3], rank 1 wants [1, 3] (even rows are rank 0's):
///
///     route     rank 0 owns for the job [0]      rank 1 owns [1, 3]: row 3 once, though both want it
///     deliver   rank 0 gets e of [0, 3]          rank 1 gets e of [1, 3]
///     collect   rank 0 gets de of [0]            rank 1 gets de of [1, 3], row 3's the sum over ranks, in rank order
package final class RowExchange {
  private let partition: RowPartition
  private let communicator: any Communicator

  /// Makes the exchange of a table.
  package init(partition: RowPartition, communicator: any Communicator) {
    precondition(partition.ranks == communicator.size, "\(partition.ranks) ranks against \(communicator.size)")
    self.partition = partition
    self.communicator = communicator
  }

  /// Makes a route for `start` to fill; on a channel, one at a time is under way.
  package func makeRoute(on channel: Int = Channels.collectives) -> RowRoute {
    RowRoute(ranks: communicator.size, channel: channel)
  }

  // MARK: Route

  /// Starts to tell owners which rows are wanted.
  ///
  /// `wanted` holds distinct rows of the whole table, owner after owner (`UniqueRows` of the same partition).
  package func start(_ route: RowRoute, wanted: RowList) throws {
    precondition(route.stage == .complete, "a route is started again before it is complete")
    let counts = route.counts.wanted.resize(to: partition.ranks)
    counts.update(repeating: 0)
    let request = route.request.resize(to: wanted.count)
    for (index, row) in wanted.enumerated() {
      counts[partition.owner(of: Int(row))] += 1
      request[index] = Int32(partition.localRow(of: Int(row)))
    }
    let asked = route.counts.asked.resize(to: partition.ranks)
    for rank in 0..<partition.ranks {
      route.exchange.send[rank] = Segment(counts.baseAddress! + rank, bytes: MemoryLayout<Int>.stride)
      route.exchange.receive[rank] = Segment(asked.baseAddress! + rank, bytes: MemoryLayout<Int>.stride)
    }
    route.exchange.pattern = .evenLengths
    try send(route, .exchangingCounts)
  }

  /// Moves a route on as far as it goes without waiting.
  package func advance(_ route: RowRoute) throws {
    while route.stage != .complete, try communicator.poll(route.channel) { try completeStage(route) }
  }

  /// Waits until a route is complete.
  package func finish(_ route: RowRoute) throws {
    try communicator.state.time(.rowNumbers) {
      while route.stage != .complete {
        try communicator.wait(route.channel)
        try completeStage(route)
      }
    }
  }

  private func completeStage(_ route: RowRoute) throws {
    guard route.stage == .exchangingCounts else {
      route.union.collect(route.asked.values)
      route.union.locate(route.asked.values, into: route.indices.resize(to: route.asked.count).baseAddress!)
      route.stage = .complete
      return
    }
    let asked = route.asked.resize(to: route.counts.asked.values.reduce(0, +))
    var (sent, received) = (0, 0)
    for rank in 0..<partition.ranks {
      let (wants, asks) = (route.counts.wanted[rank], route.counts.asked[rank])
      route.exchange.send[rank] = Segment(UnsafeMutablePointer(mutating: route.request.base + sent), bytes: 4 * wants)
      route.exchange.receive[rank] = Segment(asked.baseAddress! + received, bytes: 4 * asks)
      sent += wants
      received += asks
    }
    route.exchange.pattern = .any
    try send(route, .exchangingRows)
  }

  private func send(_ route: RowRoute, _ stage: RowRoute.Stage) throws {
    communicator.state.traffic.count(route.exchange, from: communicator.rank, as: .rowNumbers)
    try communicator.start(route.exchange, on: route.channel, keeping: route)
    route.stage = stage
  }

  // MARK: Embeddings and gradients

  /// From the owners' embeddings `[owned, d]` of a route to the wanted rows' embeddings e `[wanted, d]`.
  package func deliver(_ ownedE: Matrix, _ route: RowRoute, into e: Matrix, workspace: Workspace) throws {
    try workspace.scope {
      let send = workspace.matrix(route.indices.count, ownedE.columns)
      gather(route.indices.values, from: ownedE, into: send)
      try exchange(send, route.counts.asked, e, route.counts.wanted, as: .embeddings)
    }
  }

  /// From the wanted rows' gradients dE `[wanted, d]` to the owners' sums `[owned, d]`, added in rank order.
  package func collect(_ dE: Matrix, _ route: RowRoute, into ownedDE: Matrix, workspace: Workspace) throws {
    try workspace.scope {
      let received = workspace.matrix(route.indices.count, dE.columns)
      try exchange(dE, route.counts.wanted, received, route.counts.asked, as: .embeddingGradients)
      ownedDE.clear()
      scatterAdd(received, to: route.indices.values, of: ownedDE)
    }
  }

  private func exchange(
    _ send: Matrix, _ sendRows: NumberList<Int>, _ receive: Matrix, _ receiveRows: NumberList<Int>, as traffic: Traffic
  ) throws {
    try communicator.allToAll(
      UnsafeBufferPointer(start: send.base, count: send.count), counts: sendRows.values,
      into: UnsafeMutableBufferPointer(start: receive.base, count: receive.count), counts: receiveRows.values,
      each: send.columns, as: traffic)
  }
}
