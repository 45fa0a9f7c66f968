import Collectives
import Host
import Model
import Tensors
import Testing

// What tests call in one line: a pass that nobody observes.

extension StepContext {
  /// A pass in float32 without dropout.
  static func plain(_ workspace: Workspace, precision: NumberFormat = .fp32) -> StepContext {
    StepContext(workspace, mode: ForwardMode(seed: 0, step: 0, dropout: 0, causal: true, precision: precision))
  }
}

extension ItemTable {
  func update(
    _ saved: Saved, dE: Matrix, routing: Routing?, balance: Float, learningRates: LearningRates, rounding: RandomStream? = nil,
    workspace: Workspace
  ) throws {
    try update(
      saved, dE: dE, balance: routing.map { Balance($0, weight: balance) }, learningRates: learningRates, rounding: rounding,
      context: .plain(workspace))
  }
}

extension SampledSoftmax {
  func lossAndGradients(
    _ query: Query, negatives: Negatives, e: Matrix, weight: Float, precision: NumberFormat = .fp32, dHidden: Matrix, dE: Matrix,
    workspace: Workspace
  ) -> Double {
    lossAndGradients(
      query, negatives: negatives, e: e, weight: weight, dHidden: dHidden, dE: dE,
      context: .plain(workspace, precision: precision))
  }
}

/// Runs what throws only when an observer does; there is none.
func unobserved(_ body: () throws -> Void) {
  do { try body() } catch { Issue.record(error) }
}
