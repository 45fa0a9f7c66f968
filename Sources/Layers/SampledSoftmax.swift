import Kernels
public import Tensors

/// The next-item loss: softmax over the target and the step's shared negatives.
///
/// docs/model.md, section 2.
///
///     L = − mean_p log [ exp(s h_p·e_t) / (exp(s h_p·e_t) + Σ_{j ∈ N, j ≠ t} exp(s h_p·e_j − log q_j)) ]
///
/// Letters: T queries, N negatives, d width. Value and gradients come in one pass over blocks of rows that stay in the
/// cache, so no `[T, N]` matrix is ever held. The logQ correction (optional) subtracts log q_j from a negative's logit, as
/// an unbiased estimate of the full sum needs (Bengio & Senécal 2008; a test holds the sign to a known skew).
public struct SampledSoftmax {
  /// The queries and what they should and should not find.
  public struct Query {
    /// h `[T, d]`.
    public let hidden: Matrix
    /// The targets' rows of e, T numbers.
    public let targetRows: RowList
    /// The targets' item ids, to leave accidental hits out; T numbers.
    public let targets: RowList

    /// Describes the queries.
    public init(hidden: Matrix, targetRows: RowList, targets: RowList) {
      self.hidden = hidden
      self.targetRows = targetRows
      self.targets = targets
    }
  }

  /// The step's shared negatives.
  public struct Negatives {
    /// Their rows of e, N numbers.
    public let rows: RowList
    /// Their item ids.
    public let ids: RowList
    /// log q_j each, or nil without the correction.
    public let logChances: UnsafePointer<Float>?

    /// No negatives: an objective without a softmax term.
    public static var none: Negatives {
      Negatives(rows: RowList(start: nil, count: 0), ids: RowList(start: nil, count: 0), logChances: nil)
    }

    /// Describes the negatives.
    public init(rows: RowList, ids: RowList, logChances: UnsafePointer<Float>?) {
      self.rows = rows
      self.ids = ids
      self.logChances = logChances
    }
  }

  /// s, the factor on every score.
  public let logitScale: Float

  /// Makes the loss.
  public init(logitScale: Float) { self.logitScale = logitScale }

  /// Returns Σ_p loss; adds `weight` times its gradients to dHidden `[T, d]` and dE `[U, d]`.
  ///
  /// - Parameters:
  ///   - e: embeddings `[U, d]` of the batch's unique items.
  ///   - weight: 1 / (positions of the global batch), times the loss's weight in the objective.
  public func lossAndGradients(
    _ query: Query, negatives: Negatives, e: Matrix, weight: Float, dHidden: Matrix, dE: Matrix, workspace: Workspace
  ) -> Double {
    workspace.scope {
      let negativeE = workspace.matrix(negatives.rows.count, e.columns)
      gather(negatives.rows, from: e, into: negativeE)
      let dNegativeE = workspace.zeros(negativeE.rows, e.columns)
      let block = blockRows(negatives: negativeE.rows)
      var total = 0.0
      for start in stride(from: 0, to: query.hidden.rows, by: block) {
        let rows = start..<min(start + block, query.hidden.rows)
        workspace.scope {
          total += blockLoss(
            query, rows, negatives, e: e, negativeE: negativeE, weight: weight, dHidden: dHidden.rows(rows), dE: dE,
            dNegativeE: dNegativeE, workspace: workspace)
        }
      }
      scatterAdd(dNegativeE, to: negatives.rows, of: dE)
      return total
    }
  }

  private func blockLoss(
    _ query: Query, _ rows: Range<Int>, _ negatives: Negatives, e: Matrix, negativeE: Matrix, weight: Float, dHidden: Matrix,
    dE: Matrix, dNegativeE: Matrix, workspace: Workspace
  ) -> Double {
    let hidden = query.hidden.rows(rows)
    let targetRows = RowList(rebasing: query.targetRows[rows])
    let targetE = workspace.matrix(rows.count, e.columns)
    gather(targetRows, from: e, into: targetE)
    let positive = workspace.vector(rows.count)
    rowDots(hidden, targetE, factor: logitScale, into: positive)
    let logits = workspace.matrix(rows.count, negativeE.rows)
    multiply(hidden, negativeE, rightTransposed: true, into: logits, factor: logitScale)
    let loss = sampledSoftmaxBlock(
      logits: logits, positive: positive, targets: RowList(rebasing: query.targets[rows]), negativeIds: negatives.ids,
      correction: negatives.logChances, weight: weight * logitScale)
    multiply(logits, negativeE, into: dHidden, keep: 1)
    multiply(logits, transposed: true, hidden, into: dNegativeE, keep: 1)
    addScaledRows(targetE, factors: positive, to: dHidden)
    scatterAdd(hidden, scaledBy: positive, to: targetRows, of: dE)
    return loss
  }

  /// Rows whose logits fit in about half of an L2 cache of 1 MiB, in multiples of 32.
  private func blockRows(negatives: Int) -> Int { max(32, min(512, (1 << 20) / max(negatives, 1) / 32 * 32)) }
}
