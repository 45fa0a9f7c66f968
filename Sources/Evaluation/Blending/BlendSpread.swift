import Collectives
import Foundation
import Model
import Tensors
import Texts

/// How far items' scores spread over users, by how often the items were trained on.
///
/// The spread of an item's scores grows with its training events, so an item without any never comes first, whatever its text says.
/// Scaled to the spread of items with a few events it can. Measured in docs/benchmarks/quality.md; ours.
struct BlendSpread {
  /// Users that spreads are taken over.
  static let users = 512
  /// Items whose spread stands for that of items without events, at most.
  private static let items = 1024
  /// Items that it takes to tell anything of their kind.
  static let fewestItems = 20

  private let catalogue: Catalogue
  private let communicator: any Communicator
  private let sample: [Float]

  /// - Parameter own: embeddings of this rank's first users, row behind row.
  init(_ catalogue: Catalogue, _ own: [Float], _ communicator: any Communicator) throws {
    self.catalogue = catalogue
    self.communicator = communicator
    let all = try communicator.gathered(Array(own.prefix(Self.users * catalogue.width)))
    // Ranks own runs of shards in order: the first users of all are the same on any number of them.
    sample = Array(all.prefix(Self.users * catalogue.width))
  }

  /// The factor that brings items without a training event to the spread of those with `pseudoCount` events.
  ///
  /// 1 where either spread cannot be told; collective.
  func scale(
    trainCounts: UnsafeBufferPointer<UInt32>, pseudoCount: Double, vectors: TextVectors, workspace: Workspace
  ) throws -> Double {
    let rows = sample.count / max(catalogue.width, 1)
    guard rows > 1 else { return 1 }
    var wanted = Mean()
    return try workspace.scope {
      let users = workspace.matrix(rows, catalogue.width)
      users.base.update(from: sample, count: rows * catalogue.width)
      try catalogue.forEachBlock(workspace: workspace) { items, e in
        for (item, spread) in zip(items, Self.spreads(users, e, workspace)) {
          let count = Double(trainCounts[item])
          if count >= pseudoCount / 1.5 && count <= pseudoCount * 1.5 { wanted.add(spread) }
        }
      }
      let own = try strangers(users, trainCounts, vectors, workspace)
      // Items that nothing tells apart have no spread of their own to scale.
      guard let wanted = wanted.value, let own = own.value, own > 0.05 * wanted else { return 1 }
      return wanted / own
    }
  }

  /// How the spread of an item's scores grows with its training events, by least squares; collective.
  ///
  /// nil where it does not, or no item tells.
  func temper(
    _ power: Double, trainCounts: UnsafeBufferPointer<UInt32>, workspace: Workspace
  ) throws -> Blend.Temper? {
    let rows = sample.count / max(catalogue.width, 1)
    guard power > 0, rows > 1 else { return nil }
    // Items, and sums of ln n, its square, the spread and the product of the two.
    var (count, x, xx, y, xy) = (0.0, 0.0, 0.0, 0.0, 0.0)
    try workspace.scope {
      let users = workspace.matrix(rows, catalogue.width)
      users.base.update(from: sample, count: rows * catalogue.width)
      try catalogue.forEachBlock(workspace: workspace) { items, e in
        for (item, spread) in zip(items, Self.spreads(users, e, workspace)) where trainCounts[item] > 0 {
          let events = log(Double(trainCounts[item]))
          count += 1
          (x, xx, y, xy) = (x + events, xx + events * events, y + spread, xy + events * spread)
        }
      }
    }
    let growth = (count * xy - x * y) / (count * xx - x * x)
    let temper = Blend.Temper(
      power: power, base: (y - growth * x) / count, growth: growth, most: Double(trainCounts.max() ?? 1))
    // Where rare items' scores hardly spread, or spread more, there is nothing to bring up.
    return temper.isPlausible && temper.base > 0.05 * (temper.base + growth * log(temper.most)) ? temper : nil
  }

  /// The spread of items whose ID half is that of their neighbors: of those that no event shows, or where these are few, of others.
  private func strangers(
    _ users: Matrix, _ trainCounts: UnsafeBufferPointer<UInt32>, _ vectors: TextVectors, _ workspace: Workspace
  ) throws -> Mean {
    let unseen = trainCounts.indices.filter { trainCounts[$0] == 0 }
    let all = unseen.count >= Self.fewestItems ? unseen : Array(trainCounts.indices)
    let count = min(Self.items, all.count)
    let rows = (0..<count).map { Int32(all[$0 * all.count / count]) }
    return try workspace.scope {
      let e = workspace.matrix(rows.count, catalogue.width)
      try rows.withUnsafeBufferPointer { try catalogue.embed($0, into: e, workspace: workspace) }
      let texts = workspace.matrix(rows.count, vectors.width)
      for (index, row) in rows.enumerated() { vectors.copy(Int(row), into: texts.row(index)) }
      let ids = workspace.matrix(rows.count, catalogue.meanID.count)
      try catalogue.cold.fill(ids, texts: texts, own: rows, vectors: vectors, workspace: workspace)
      for row in 0..<rows.count { e.row(row).update(from: ids.row(row), count: ids.columns) }
      var mean = Mean()
      for spread in Self.spreads(users, e, workspace) { mean.add(spread) }
      return mean
    }
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
