import Collectives
import Kernels
import Tensors

/// How far items' scores spread over users, by how often the items were trained on.
///
/// The spread of an item's scores grows with its training events, so an item without any never comes first, whatever its text says.
/// Scaled to the spread of items with a few events it can. Measured in docs/benchmarks/quality.md; ours.
struct BlendSpread {
  /// Users that spreads are taken over.
  static let users = 512

  private let catalogue: Catalogue
  private let communicator: any Communicator
  private let sample: [Float]

  /// - Parameter own: embeddings of this rank's first users, row behind row.
  init(_ catalogue: Catalogue, _ own: [Float], _ communicator: any Communicator) throws {
    self.catalogue = catalogue
    self.communicator = communicator
    let send = Array(own.prefix(Self.users * catalogue.width))
    let counts = try communicator.gatherCounts(send.count)
    var all = [Float](repeating: 0, count: counts.reduce(0, +))
    try send.withUnsafeBufferPointer { send in
      try all.withUnsafeMutableBufferPointer { try communicator.allGather(send, into: $0, counts: counts) }
    }
    // Ranks own runs of shards in order: the first users of all are the same on any number of them.
    sample = Array(all.prefix(Self.users * catalogue.width))
  }

  /// The factor that brings an item with the mean ID row in place of its own to the spread of items with `pseudoCount` events.
  ///
  /// 1 where either spread cannot be told; collective.
  func scale(trainCounts: UnsafeBufferPointer<UInt32>, pseudoCount: Double, workspace: Workspace) throws -> Double {
    let rows = sample.count / max(catalogue.width, 1)
    guard rows > 1 else { return 1 }
    var (wanted, own) = (Mean(), Mean())
    try workspace.scope {
      let users = workspace.matrix(rows, catalogue.width)
      users.base.update(from: sample, count: rows * catalogue.width)
      try catalogue.forEachBlock(workspace: workspace) { items, e in
        workspace.scope {
          let strangers = workspace.matrix(e.rows, e.columns)
          for row in 0..<e.rows {
            strangers.row(row).update(from: e.row(row), count: e.columns)
            strangers.row(row).update(from: catalogue.meanID.base, count: catalogue.meanID.count)
          }
          let (spreads, strange) = (Self.spreads(users, e, workspace), Self.spreads(users, strangers, workspace))
          for row in 0..<e.rows {
            let count = Double(trainCounts[items.lowerBound + row])
            if count >= pseudoCount / 1.5 && count <= pseudoCount * 1.5 { wanted.add(spreads[row]) }
            own.add(strange[row])
          }
        }
      }
    }
    // Items that text does not tell apart have no spread of their own to scale.
    guard let wanted = wanted.value, let own = own.value, own > 0.05 * wanted else { return 1 }
    return wanted / own
  }

  private struct Mean {
    private var sum = 0.0
    private var count = 0
    mutating func add(_ value: Double) {
      sum += value
      count += 1
    }
    var value: Double? { count > 0 && sum > 0 ? sum / Double(count) : nil }
  }

  /// The standard deviation of each item's scores over the users.
  private static func spreads(_ users: Matrix, _ e: Matrix, _ workspace: Workspace) -> [Double] {
    workspace.scope {
      let scores = workspace.matrix(users.rows, e.rows)
      multiply(users, PackedFactor(e, transposed: true, workspace: workspace), into: scores)
      var (sums, squares) = ([Double](repeating: 0, count: e.rows), [Double](repeating: 0, count: e.rows))
      for user in 0..<users.rows {
        for item in 0..<e.rows {
          let score = Double(scores[user, item])
          sums[item] += score
          squares[item] += score * score
        }
      }
      let count = Double(users.rows)
      return (0..<e.rows).map { max(0, squares[$0] / count - (sums[$0] / count) * (sums[$0] / count)).squareRoot() }
    }
  }
}
