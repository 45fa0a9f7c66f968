import Collectives
import Items
import Tensors
import TestSupport
import Testing

/// The three stages in a world of one: every row is its own rank's.
@Suite struct RowExchangeTests {
  private let workspace = Workspace(chunkBytes: 1 << 16)
  private let exchange = RowExchange(partition: RowPartition(rows: 50, ranks: 1), communicator: SoloCommunicator())

  @Test func embeddingsComeBackInTheOrderAsked() throws {
    let wanted = [0, 3, 4, 17, 49]
    let route = try exchange.route(.kept(wanted), workspace: workspace)
    #expect(route.owned.map(Int.init) == wanted)
    let ownedE = GuardedMatrix.random(5, 7, seed: 1)
    let e = GuardedMatrix.filled(5, 7)
    try exchange.deliver(ownedE, route, into: e, workspace: workspace)
    #expect(e.values == ownedE.values)
    #expect(GuardedMatrix.isIntact(e))
  }

  @Test func gradientsGoBackToTheirRows() throws {
    let route = try exchange.route(.kept([2, 9, 30]), workspace: workspace)
    let dE = GuardedMatrix.random(3, 5, seed: 2)
    let ownedDE = GuardedMatrix.filled(3, 5)
    try exchange.collect(dE, route, into: ownedDE, workspace: workspace)
    #expect(ownedDE.values == dE.values)
  }

  @Test func nothingWantedIsNothingSent() throws {
    let route = try exchange.route(RowList(start: nil, count: 0), workspace: workspace)
    #expect(route.owned.isEmpty)
    try exchange.deliver(GuardedMatrix.filled(0, 4), route, into: GuardedMatrix.filled(0, 4), workspace: workspace)
    try exchange.collect(GuardedMatrix.filled(0, 4), route, into: GuardedMatrix.filled(0, 4), workspace: workspace)
  }

  @Test func stepsFollowEachOther() throws {
    for step in 0..<5 {
      let wanted = Set(RandomValues.integers(30, below: 50, seed: UInt64(step))).sorted()
      let route = try exchange.route(.kept(wanted), workspace: workspace)
      #expect(route.owned.map(Int.init) == wanted)
    }
  }
}
