package import Host
package import Tensors

/// The next-item loss: softmax over the target and the step's shared negatives.
///
/// docs/model.md, section 2.
///
///     ℒ = − mean_p log [ exp(s h_p·e_t) / (exp(s h_p·e_t) + Σ_{j ∈ N, j ≠ t} exp(s h_p·e_j − log q_j)) ]
///
/// Letters: Q queries, N negatives, d width. Value and gradients come in one pass over blocks of rows that stay in the
/// cache, so no `[Q, N]` matrix is ever held. The logQ correction (optional) subtracts log q_j from a negative's logit, as
/// an unbiased estimate of the full sum needs (Bengio & Senécal 2008; a test holds the sign to a known skew).
package struct SampledSoftmax {
  /// The queries and what they should and should not find.
  package struct Query {
    /// h `[Q, d]`.
    package let hidden: Matrix
    /// The targets' rows of e, Q numbers.
    package let targetRows: RowList
    /// The targets' item ids, to leave accidental hits out; Q numbers.
    package let targets: RowList

    /// Describes the queries.
    package init(hidden: Matrix, targetRows: RowList, targets: RowList) {
      self.hidden = hidden
      self.targetRows = targetRows
      self.targets = targets
    }

    /// A run of the queries.
    fileprivate func rows(_ range: Range<Int>) -> Query {
      Query(
        hidden: hidden.rows(range), targetRows: RowList(rebasing: targetRows[range]), targets: RowList(rebasing: targets[range]))
    }
  }

  /// The step's shared negatives.
  package struct Negatives {
    /// Their rows of e, N numbers.
    package let rows: RowList
    /// Their item ids.
    package let ids: RowList
    /// log q_j each, or nil without the correction.
    package let logQ: UnsafePointer<Float>?

    /// No negatives: an objective without a softmax term.
    package static var none: Negatives {
      Negatives(rows: RowList(start: nil, count: 0), ids: RowList(start: nil, count: 0), logQ: nil)
    }

    /// Describes the negatives.
    package init(rows: RowList, ids: RowList, logQ: UnsafePointer<Float>?) {
      self.rows = rows
      self.ids = ids
      self.logQ = logQ
    }
  }

  /// s, the factor on every score.
  package let logitScale: Float
  /// Rows whose gradients are held at a time: each block adds to the negatives' gradients once, so not too few.
  package static let blockRows = 252
  /// Logits that are held at a time: they stay in the cache between the product and the last exponential.
  private static let cachedLogits = 1 << 17
  /// Rows that a product's kernel takes together.
  private static let stripRows = 12

  /// Makes the loss.
  package init(logitScale: Float) { self.logitScale = logitScale }

  /// Floats that a pass takes of the workspace: negatives, their gradients, both packed; a block of queries with its exponentials, in 16
  /// bits its logits or its pairs besides.
  package static func workspaceFloats(queries: Double, negatives: Double, width: Int, precision: NumberFormat) -> Double {
    let (d, factor) = (Double(width), Double(precision.size) / 4)
    let rows = min(queries, Double(blockRows))
    let logits = min(rows * negatives, max(Double(cachedLogits), Double(stripRows) * negatives))
    let besides = factor < 1 ? max(rows * negatives * factor, logits) : 0
    return negatives * d * (2 + 2 * factor) + rows * (d * (2 + 3 * factor) + negatives * factor) + besides
  }

  /// Returns Σ_p loss; adds `weight` times its gradients to dHidden `[Q, d]` and dE `[U, d]`.
  ///
  /// - Parameters:
  ///   - e: embeddings `[U, d]` of the batch's unique items.
  ///   - weight: 1 / (positions of the global batch), times the loss's weight in the objective.
  ///   - context: its precision is what the products' factors are rounded to; the targets' own scores are float32.
  package func lossAndGradients(
    _ query: Query, negatives: Negatives, e: Matrix, weight: Float, dHidden: Matrix, dE: Matrix, context: StepContext
  ) -> Double {
    let (workspace, precision) = (context.workspace, context.mode.precision)
    return workspace.scope {
      let negativeE = workspace.matrix(negatives.rows.count, e.columns)
      gather(negatives.rows, from: e, into: negativeE)
      let gradients = PackedFactor(negativeE, precision: precision, workspace: workspace)
      let pass = Pass(
        negatives: negatives, e: e, weight: weight * logitScale, dE: dE,
        scores: PackedFactor(negativeE, transposed: true, factor: logitScale, precision: precision, workspace: workspace),
        gradients: gradients, dNegativeE: workspace.zeros(gradients.storedDepth, e.columns), workspace: workspace)
      var total = 0.0
      for start in stride(from: 0, to: query.hidden.rows, by: Self.blockRows) {
        let rows = start..<min(start + Self.blockRows, query.hidden.rows)
        workspace.scope { total += blockLoss(query.rows(rows), pass, dHidden: dHidden.rows(rows)) }
      }
      scatterAdd(pass.dNegativeE.rows(0..<negatives.rows.count), to: negatives.rows, of: dE)
      return total
    }
  }

  /// What all blocks of a pass share.
  private struct Pass {
    let negatives: Negatives
    let e: Matrix
    let weight: Float
    let dE: Matrix
    /// s eᵀ of the negatives, `[d, N]`: gives logits.
    let scores: PackedFactor
    /// e of the negatives, `[N, d]`: gives dHidden.
    let gradients: PackedFactor
    let dNegativeE: Matrix  // [N, d]; in bfloat16 one more row when N is odd
    let workspace: Workspace
  }

  private func blockLoss(_ query: Query, _ pass: Pass, dHidden: Matrix) -> Double {
    let workspace = pass.workspace
    let targetE = workspace.matrix(query.hidden.rows, pass.e.columns)
    gather(query.targetRows, from: pass.e, into: targetE)
    let positive = workspace.vector(query.hidden.rows)
    rowDots(query.hidden, targetE, factor: logitScale, into: positive)
    let hidden = workspace.rows(of: query.hidden, pass.scores.precision)
    let exponentials = workspace.rows(query.hidden.rows, pass.gradients.storedDepth, pass.scores.precision)
    let factors = workspace.vector(query.hidden.rows)
    let loss = softmax(query, hidden, pass, positive: positive, exponentials: exponentials, factors: factors)
    // A row's factor goes to the d numbers on the product's other side instead of the N exponentials: a pass less over them.
    let sums = workspace.matrix(query.hidden.rows, pass.e.columns)
    multiply(exponentials, pass.gradients, into: sums)
    addScaledRows(sums, factors: factors, to: dHidden)
    let scaled = workspace.rows(query.hidden.rows, pass.e.columns, pass.scores.precision)
    scaleRows(query.hidden, factors: factors, into: scaled)
    addProduct(ofTransposed: exponentials, scaled, to: pass.dNegativeE, workspace: workspace)
    addScaledRows(targetE, factors: positive, to: dHidden)
    scatterAdd(query.hidden, scaledBy: positive, to: query.targetRows, of: pass.dE)
    return loss
  }

  /// Logits and their softmax, some rows at a time: those stay in the cache between the product and the last exponential.
  private func softmax(
    _ query: Query, _ hidden: StoredRows, _ pass: Pass, positive: Vector, exponentials: StoredRows, factors: Vector
  ) -> Double {
    let cached = Self.cachedLogits / max(exponentials.columns, 1) / Self.stripRows * Self.stripRows
    let step = max(Self.stripRows, min(hidden.rows, cached))
    var loss = 0.0
    for start in stride(from: 0, to: hidden.rows, by: step) {
      let rows = start..<min(start + step, hidden.rows)
      let written = exponentials.rows(rows)
      pass.workspace.scope {
        let logits = written.floats ?? pass.workspace.matrix(rows.count, pass.scores.columns)
        multiply(hidden.rows(rows), pass.scores, into: logits)
        loss += sampledSoftmaxBlock(
          logits: logits, positive: positive[rows], targets: RowList(rebasing: query.targets[rows]),
          negativeIds: pass.negatives.ids, correction: pass.negatives.logQ, weight: pass.weight, exponentials: written,
          factors: factors[rows])
      }
    }
    return loss
  }
}
