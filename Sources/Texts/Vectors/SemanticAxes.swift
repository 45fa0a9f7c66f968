import Collectives
import Files
import Tensors

/// The whitened principal axes of a catalogue's mean token states: where a language model's view of items becomes a vector whose
/// cosines mean something.
///
///     s(x) = Aᵀ (x − μ),   Aᵀ C A = 1 on the leading axes of C, the covariance of the items' mean token states
///
/// A language model's states share a few large directions, in which every item is like every other; whitened, each direction counts alike
/// (Su et al., "Whitening Sentence Representations", arXiv 2103.15316). Found once, in `precise encode`, by subspace iteration over a
/// sample of items, with Cholesky factors in place of an eigendecomposition: axes turned among each other give the same cosines.
package struct SemanticAxes: Sendable {
  /// The widest subspace.
  static let mostAxes = 128
  /// Items that axes are found from, at most, and numbers of their states: 256 MiB.
  private static let sample = (items: 16_384, values: 1 << 26)
  private static let iterations = 8
  /// A direction with less than this share of the largest one's variance is noise, and left out.
  private static let smallestShare = 1e-6

  /// μ, the mean of the items' mean states, `[dt]`.
  package let mean: [Float]
  /// A, `[dt, axes]`, row-major.
  let directions: [Float]
  /// The number of axes.
  package let count: Int

  /// Puts axes together that were found before.
  init(mean: [Float], directions: [Float], count: Int) {
    precondition(directions.count == mean.count * count, "\(directions.count) numbers for [\(mean.count), \(count)]")
    (self.mean, self.directions, self.count) = (mean, directions, count)
  }

  /// Finds the axes of a catalogue; nil when no two of its items have text.
  ///
  /// - Parameter states: the token states of its items.
  init?(of states: TokenStates, workspace: Workspace) {
    let items = Self.sampled(states)
    let width = states.dimension
    guard items.count > 1 else { return nil }
    let axes = min(Self.mostAxes, width, items.count - 1)
    var found: (mean: [Float], directions: [Float])?
    workspace.scope {
      let x = workspace.matrix(items.count, width)
      let scratch = workspace.matrix(max(states.maxTokens, 1), width)
      for (row, item) in items.enumerated() { states.copyMean(item, into: x.row(row), scratch: scratch.base) }
      let mean = Self.center(x)
      found = (mean, Self.whitened(x, axes: axes, workspace: workspace))
    }
    guard let found else { return nil }
    self.init(mean: found.mean, directions: found.directions, count: axes)
  }

  /// Finds the axes on rank 0 and tells them to the others; collective.
  ///
  /// The sample is bounded, so this takes seconds at most however large the catalogue is; cut over ranks, its sums would be rounded
  /// in another order for each number of them, and every rank would hold a sample's memory if each found them for itself.
  init?(of states: TokenStates, workspace: Workspace, on communicator: any Communicator) throws {
    let found = communicator.isFirst ? SemanticAxes(of: states, workspace: workspace) : nil
    let count = try communicator.gatherCounts(found?.count ?? -1)[0]
    let mean = try communicator.gather(found?.mean ?? [])
    let directions = try communicator.gather(found?.directions ?? [])
    guard count >= 0 else { return nil }
    self.init(mean: mean, directions: directions, count: count)
  }

  /// Projects mean states `[rows, dt]`, which are centered on the way, to vectors of unit length `[rows, axes]`.
  ///
  /// - Parameter isEmpty: whether the item of a row has no token; its vector is zero.
  func project(_ x: Matrix, isEmpty: (Int) -> Bool, into vectors: Matrix, workspace: Workspace) {
    workspace.scope {
      for row in 0..<x.rows {
        let values = x.row(row)
        for column in 0..<x.columns { values[column] -= mean[column] }
      }
      let axes = workspace.matrix(mean.count, count)
      axes.base.update(from: directions, count: directions.count)
      multiply(x, PackedFactor(axes, workspace: workspace), into: vectors)
    }
    for row in 0..<vectors.rows {
      let values = Vector(vectors.row(row), count: vectors.columns)
      let squares = isEmpty(row) ? 0 : sumOfSquares(values)
      scale(values, by: squares > 0 ? Float(1 / squares.squareRoot()) : 0)
    }
  }

  /// Items with text, spread evenly over the catalogue.
  private static func sampled(_ states: TokenStates) -> [Int] {
    let withText = (0..<states.itemCount).filter { states.tokenCount($0) > 0 }
    let most = max(2, min(sample.items, sample.values / states.dimension))
    guard withText.count > most else { return withText }
    return (0..<most).map { withText[$0 * withText.count / most] }
  }

  /// Takes the mean of the rows off each, and returns it.
  private static func center(_ x: Matrix) -> [Float] {
    var sums = [Double](repeating: 0, count: x.columns)
    for row in 0..<x.rows { for column in 0..<x.columns { sums[column] += Double(x[row, column]) } }
    let mean = sums.map { Float($0 / Double(x.rows)) }
    for row in 0..<x.rows { for column in 0..<x.columns { x[row, column] -= mean[column] } }
    return mean
  }

  /// The whitening directions `[dt, axes]` of centered rows.
  private static func whitened(_ x: Matrix, axes: Int, workspace: Workspace) -> [Float] {
    let basis = workspace.matrix(x.columns, axes)
    let stream = RandomStream(seed: 1, purpose: .itemRow)
    for row in 0..<basis.rows {
      stream.fillNormal(row: UInt64(row), Vector(basis.row(row), count: axes), deviation: 1)
    }
    Self.orthonormalize(basis, workspace: workspace)
    for _ in 0..<iterations {
      applyCovariance(x, to: basis, workspace: workspace)
      // Twice: rounding undoes what the first Cholesky factor made orthogonal.
      orthonormalize(basis, workspace: workspace)
      orthonormalize(basis, workspace: workspace)
    }
    let projected = workspace.matrix(x.rows, axes)
    multiply(x, PackedFactor(basis, workspace: workspace), into: projected)
    let factor = CholeskyFactor(gram(projected, scale: 1 / Double(x.rows), workspace: workspace), smallestShare: smallestShare)
    factor.solveRows(basis)
    return Array(basis.buffer)
  }

  private static func orthonormalize(_ basis: Matrix, workspace: Workspace) {
    CholeskyFactor(gram(basis, scale: 1, workspace: workspace), smallestShare: 1e-12).solveRows(basis)
  }

  /// `basis = xᵀ x basis / rows`.
  private static func applyCovariance(_ x: Matrix, to basis: Matrix, workspace: Workspace) {
    workspace.scope {
      let projected = workspace.matrix(x.rows, basis.columns)
      multiply(x, PackedFactor(basis, workspace: workspace), into: projected)
      basis.clear()
      addProduct(ofTransposed: StoredRows(x), StoredRows(projected), to: basis, workspace: workspace)
      scale(Vector(basis.base, count: basis.count), by: 1 / Float(x.rows))
    }
  }

  /// `xᵀ x · scale`, `[columns, columns]`.
  private static func gram(_ x: Matrix, scale factor: Double, workspace: Workspace) -> SquareMatrix {
    workspace.scope {
      let product = workspace.zeros(x.columns, x.columns)
      addProduct(ofTransposed: StoredRows(x), StoredRows(x), to: product, workspace: workspace)
      return SquareMatrix(size: x.columns, product.buffer.map { Double($0) * factor })
    }
  }
}

extension TokenStates {
  /// Writes the mean of an item's token states, `dt` numbers: zeros without tokens, and then it is false.
  ///
  /// - Parameter scratch: room for the states of the item with the most tokens.
  @discardableResult
  package func copyMean(
    _ item: Int, into mean: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) -> Bool {
    mean.update(repeating: 0, count: dimension)
    let tokens = tokenCount(item)
    guard tokens > 0 else { return false }
    copyStates(item, into: scratch)
    for token in 0..<tokens {
      let state = scratch + token * dimension
      for column in 0..<dimension { mean[column] += state[column] }
    }
    for column in 0..<dimension { mean[column] /= Float(tokens) }
    return true
  }
}
