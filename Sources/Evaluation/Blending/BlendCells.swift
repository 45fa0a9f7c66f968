import Collectives
import Model

/// The cells of a blend: users are sorted by their state, and each cell takes what served its users best.
///
/// A cell of few users leans on all of them: to its own sums it adds those of `prior` users of the mean. So a small validation set gives
/// one blend for everybody, and a large one as many as its users bear out. The repeat weight is the same for all. Ours.
struct BlendCells {
  /// What a fit learns of one user.
  struct Row {
    /// The virtual shard's place in the rank's run.
    let shard: Int
    let confidence: Float
    let likeness: Float
    /// The target's rank, from 1, under each blend of the grid.
    let ranks: [Int32]
  }

  /// Cells by confidence and by likeness.
  static let bins = (confidence: 5, likeness: 3)
  /// Users of the mean that are added to each cell.
  static let prior = 400.0

  /// The cells, and the mean of what they and of what the model alone bring.
  struct Choice {
    let blend: Blend
    /// The place of each cell's blend in the grid.
    let indices: [Int]
    let score: Double
    let scoreWithout: Double
    let users: Int
  }

  private let communicator: any Communicator
  private let grid: BlendGrid
  private let gain: RankGain

  init(_ grid: BlendGrid, _ gain: RankGain, _ communicator: any Communicator) {
    (self.grid, self.gain, self.communicator) = (grid, gain, communicator)
  }

  /// Chooses each cell's weights; collective, the same on every rank; nil without a user.
  func choose(_ rows: [Row], shards: Int) throws -> Choice? {
    let confidences = try communicator.gathered(rows.map(\.confidence)).sorted()
    guard !confidences.isEmpty else { return nil }
    let likenesses = try communicator.gathered(rows.map(\.likeness)).filter { $0 > -1 }.sorted()
    var blend = Blend(
      confidenceEdges: Self.edges(confidences, Self.bins.confidence), likenessEdges: Self.edges(likenesses, Self.bins.likeness),
      cells: Array(repeating: .init(strength: 0, decay: 0), count: Self.bins.confidence * Self.bins.likeness))
    let sums = try totals(rows, blend, shards: shards)
    let size = grid.count + 1
    let all = (0..<size).map { index in blend.cells.indices.reduce(0) { $0 + sums[$1 * size + index] } }
    let users = all[grid.count]
    var (score, chosen) = (-1.0, [Int]())
    for (number, weight) in grid.repeats.enumerated() {
      let pairs = number * BlendGrid.pairs..<(number + 1) * BlendGrid.pairs
      var indices: [Int] = []
      for cell in blend.cells.indices {
        func value(_ index: Int) -> Double { sums[cell * size + index] + Self.prior * all[index] / users }
        // The first of equal ones is the weakest, with the shortest memory.
        var best = pairs.lowerBound
        for index in pairs where value(index) > value(best) { best = index }
        indices.append(best)
      }
      let sum = indices.enumerated().reduce(0) { $0 + sums[$1.offset * size + $1.element] }
      // A code keeps one item in so many from standing behind the newest: it must bring more than that to be taken for good.
      guard sum > (chosen.isEmpty || blend.repeatWeight != nil ? score : score * (1 + 1 / Double(ItemCode.width))) else {
        continue
      }
      (score, chosen) = (sum, indices)
      blend.cells = indices.map(grid.weights)
      blend.repeatWeight = weight == 0 ? nil : Double(weight)
    }
    return Choice(blend: blend, indices: chosen, score: score / users, scoreWithout: all[0] / users, users: Int(users))
  }

  /// Each cell's sums of gains, and its users behind them: added up shard by shard, so that the number of ranks does not show.
  private func totals(_ rows: [Row], _ blend: Blend, shards: Int) throws -> [Double] {
    let size = blend.cells.count * (grid.count + 1)
    var own = [Double](repeating: 0, count: shards * size)
    for row in rows {
      let start =
        row.shard * size + blend.cell(confidence: row.confidence, likeness: row.likeness) * (grid.count + 1)
      for index in 0..<grid.count { own[start + index] += gain.of(Int(row.ranks[index])) }
      own[start + grid.count] += 1
    }
    return try communicator.shardSums(own, each: size)
  }

  /// Where equal shares of sorted values end; none of no values.
  private static func edges(_ sorted: [Float], _ bins: Int) -> [Double] {
    (1..<bins).map { sorted.isEmpty ? 0 : Double(sorted[$0 * sorted.count / bins]) }
  }
}

extension Communicator {
  /// The sums over all shards of what each has, `each` numbers a shard: one shard after the other, so that the number of ranks does not show.
  func shardSums(_ own: [Double], each size: Int) throws -> [Double] {
    var sums = [Double](repeating: 0, count: size)
    for (index, value) in try gathered(own).enumerated() { sums[index % size] += value }
    return sums
  }

  /// Every rank's numbers, one behind the other in rank order, on every rank.
  func gathered<Element: BitwiseCopyable & Numeric>(_ own: [Element]) throws -> [Element] {
    let counts = try gatherCounts(own.count)
    var all = [Element](repeating: 0, count: counts.reduce(0, +))
    try own.withUnsafeBufferPointer { own in
      try all.withUnsafeMutableBufferPointer { try allGather(own, into: $0, counts: counts) }
    }
    return all
  }
}
