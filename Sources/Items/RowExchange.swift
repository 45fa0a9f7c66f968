public import Collectives
import Kernels
public import Tensors

/// Carries wanted rows' embeddings from their owners to the ranks that asked, and gradients back.
///
/// docs/distributed.md, "Items".
///
/// Two ranks, rank 0 wants rows [0, 3], rank 1 wants [1, 3] (even rows are rank 0's):
///
///     route     rank 0 owns for the job [0]      rank 1 owns [1, 3]: row 3 once, though both want it
///     deliver   rank 0 gets e of [0, 3]          rank 1 gets e of [1, 3]
///     collect   rank 0 gets de of [0]            rank 1 gets de of [1, 3], row 3's the sum over ranks, in rank order
public final class RowExchange {
  /// A step's traffic: who wants what.
  public struct Route {
    /// The rows that this rank owns and anybody wants: numbers among its own rows, ascending, each once.
    public let owned: RowList
    let wantedCounts: [Int]  // rows that this rank wants from each rank
    let askedCounts: [Int]  // rows that each rank asks of this one
    let order: RowList  // wanted rows' places, grouped by owner
    let asked: RowList  // for each asked row, its place in `owned`
  }

  /// Makes the exchange of a table.
  public init(partition: RowPartition, communicator: any Communicator) {
    precondition(partition.ranks == communicator.size, "\(partition.ranks) ranks against \(communicator.size)")
    self.partition = partition
    self.communicator = communicator
  }

  /// Tells owners which rows are wanted.
  ///
  /// `wanted` holds distinct rows of the whole table, ascending.
  public func route(_ wanted: RowList, workspace: Workspace) throws -> Route {
    var counts = [Int](repeating: 0, count: partition.ranks)
    for row in wanted { counts[partition.owner(of: Int(row))] += 1 }
    let order = workspace.take(Int32.self, wanted.count)
    let request = workspace.take(Int32.self, wanted.count)
    var next = Self.starts(counts)
    for (place, row) in wanted.enumerated() {
      let owner = partition.owner(of: Int(row))
      order[next[owner]] = Int32(place)
      request[next[owner]] = Int32(partition.localRow(of: Int(row)))
      next[owner] += 1
    }
    let askedCounts = try communicator.exchangeCounts(counts)
    let total = askedCounts.reduce(0, +)
    let asked = UnsafeMutableBufferPointer(start: workspace.take(Int32.self, total), count: total)
    try communicator.allToAll(RowList(start: request, count: wanted.count), counts: counts, into: asked, counts: askedCounts)
    union.collect(RowList(asked))
    let places = workspace.take(Int32.self, total)
    union.locate(RowList(asked), into: places)
    return Route(
      owned: union.rows, wantedCounts: counts, askedCounts: askedCounts, order: RowList(start: order, count: wanted.count),
      asked: RowList(start: places, count: total))
  }

  /// From the owners' embeddings `[owned, d]` of a route to the wanted rows' embeddings e `[wanted, d]`.
  public func deliver(_ ownedE: Matrix, _ route: Route, into e: Matrix, workspace: Workspace) throws {
    try workspace.scope {
      let send = workspace.matrix(route.asked.count, ownedE.columns)
      gather(route.asked, from: ownedE, into: send)
      let received = workspace.matrix(e.rows, e.columns)
      try exchange(send, route.askedCounts, received, route.wantedCounts)
      e.clear()
      scatterAdd(received, to: route.order, of: e)
    }
  }

  /// From the wanted rows' gradients dE `[wanted, d]` to the owners' sums `[owned, d]`, added in rank order.
  public func collect(_ dE: Matrix, _ route: Route, into ownedDE: Matrix, workspace: Workspace) throws {
    try workspace.scope {
      let send = workspace.matrix(dE.rows, dE.columns)
      gather(route.order, from: dE, into: send)
      let received = workspace.matrix(route.asked.count, dE.columns)
      try exchange(send, route.wantedCounts, received, route.askedCounts)
      ownedDE.clear()
      scatterAdd(received, to: route.asked, of: ownedDE)
    }
  }

  private func exchange(_ send: Matrix, _ sendCounts: [Int], _ receive: Matrix, _ receiveCounts: [Int]) throws {
    try communicator.allToAll(
      UnsafeBufferPointer(start: send.base, count: send.count), counts: sendCounts.map { $0 * send.columns },
      into: UnsafeMutableBufferPointer(start: receive.base, count: receive.count),
      counts: receiveCounts.map { $0 * receive.columns })
  }

  private static func starts(_ counts: [Int]) -> [Int] {
    var start = 0
    return counts.map { count in
      defer { start += count }
      return start
    }
  }

  private let partition: RowPartition
  private let communicator: any Communicator
  private let union = UniqueRows()
}
