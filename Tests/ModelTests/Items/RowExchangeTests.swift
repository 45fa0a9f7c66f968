import Collectives
import Tensors
import TestSupport
import Testing

@testable import Model

/// Rows' embeddings and gradients between ranks.
@Suite struct RowExchangeTests {
  /// One rank's end of an exchange over a table of `rows` rows.
  private struct End {
    let communicator: any Communicator
    let partition: RowPartition
    let exchange: RowExchange
    let route: RowRoute
    let workspace = Workspace(chunkBytes: 1 << 16)

    init(_ communicator: any Communicator, rows: Int) {
      self.communicator = communicator
      partition = RowPartition(rows: rows, ranks: communicator.size)
      exchange = RowExchange(partition: partition, communicator: communicator)
      route = exchange.makeRoute()
    }

    /// Routes distinct rows, and returns them in the order in which their embeddings come.
    func want(_ rows: [Int]) throws -> [Int] {
      let unique = UniqueRows(of: partition)
      unique.collect(.kept(rows))
      try exchange.start(route, wanted: unique.rows)
      try exchange.finish(route)
      return unique.rows.map(Int.init)
    }

    /// The catalogue rows that this rank owns and anybody wants.
    var owned: [Int] { route.owned.map { partition.row(Int($0), ownedBy: communicator.rank) } }
  }

  /// What rank `rank` wants in step `step`: nothing now and then.
  private func wish(_ rank: Int, _ step: Int, rows: Int) -> [Int] {
    (rank + step) % 4 == 3 ? [] : Set(RandomValues.integers(20, below: rows, seed: UInt64(10 * step + rank))).sorted()
  }

  private func embedding(_ row: Int) -> [Float] { (0..<5).map { Float(row * 10 + $0) } }

  /// Numbers whose sum depends on the order of its terms.
  private func gradient(_ rank: Int, _ row: Int) -> [Float] { (0..<5).map { Float(row + $0) * [1e6, 1, -1e6, 1e-3][rank % 4] } }

  @Test(arguments: [(1, 50), (2, 50), (3, 50), (5, 50), (3, 2), (7, 3)])
  func everyRankGetsWhatItWantsAndOwnersGetTheSums(_ ranks: Int, _ rows: Int) throws {
    try RankThreads.run(ranks: ranks) { communicator in
      let end = End(communicator, rows: rows)
      for step in 0..<6 {
        let wanted = try end.want(wish(communicator.rank, step, rows: rows))
        let wishes = (0..<ranks).map { wish($0, step, rows: rows) }
        #expect(wanted.sorted() == wishes[communicator.rank])
        #expect(end.owned == Set(wishes.joined()).sorted().filter { $0 % ranks == communicator.rank }, "each once in the job")

        let ownedE = GuardedMatrix.filled(end.owned.count, 5)
        for (index, row) in end.owned.enumerated() { ownedE.row(index).update(from: embedding(row), count: 5) }
        let e = GuardedMatrix.filled(wanted.count, 5)
        try end.exchange.deliver(ownedE, end.route, into: e, workspace: end.workspace)
        #expect(e.values == wanted.flatMap(embedding))

        let dE = GuardedMatrix.filled(wanted.count, 5)
        for (index, row) in wanted.enumerated() { dE.row(index).update(from: gradient(communicator.rank, row), count: 5) }
        let ownedDE = GuardedMatrix.filled(end.owned.count, 5)
        try end.exchange.collect(dE, end.route, into: ownedDE, workspace: end.workspace)
        let sums = end.owned.flatMap { row -> [Float] in
          (0..<ranks).filter { wishes[$0].contains(row) }.reduce([Float](repeating: 0, count: 5)) { sum, rank in
            zip(sum, gradient(rank, row)).map(+)
          }
        }
        #expect(ownedDE.values == sums, "added in rank order")
        #expect(GuardedMatrix.isIntact(e) && GuardedMatrix.isIntact(ownedDE))
      }
    }
  }

  @Test func aRouteMayBeAdvancedWhileOthersSpeak() throws {
    try RankThreads.run(ranks: 3) { communicator in
      let end = End(communicator, rows: 40)
      let background = end.exchange.makeRoute(on: Channels.prefetch)
      let unique = UniqueRows(of: end.partition)
      unique.collect(.kept(wish(communicator.rank, 0, rows: 40)))
      try end.exchange.start(background, wanted: unique.rows)
      for step in 1..<4 {
        _ = try end.want(wish(communicator.rank, step, rows: 40))
        try end.exchange.advance(background)
      }
      try end.exchange.finish(background)
      let all = Set((0..<3).flatMap { wish($0, 0, rows: 40) }).sorted().filter { $0 % 3 == communicator.rank }
      #expect(background.owned.map { Int($0) * 3 + communicator.rank } == all)
    }
  }
}
