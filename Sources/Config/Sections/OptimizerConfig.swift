/// Update rules: AdamW for the dense parameters, a sparse rule for the rows of the item table.
package struct OptimizerConfig: Sendable, Equatable {
  /// The rule for ID rows and token states.
  package enum RowRule: String, ConfigChoice {
    /// Row-wise AdaGrad: one accumulator a row.
    case adagrad
    /// Adam whose moments move only when the row has a gradient.
    case lazyAdam = "lazy_adam"
  }

  /// How the rows' learning rates go over a phase.
  package enum RowSchedule: String, ConfigChoice {
    /// As they are: AdaGrad's own accumulator already shrinks the steps.
    case constant
    /// With the dense parameters' warm-up and cosine.
    case same
  }

  /// Peak learning rate of the dense parameters.
  package var learningRate = 1.0e-3
  /// Share of a phase's steps in which the learning rate rises linearly from 0.
  package var warmup = 0.05
  /// Decoupled weight decay of the dense matrices.
  package var weightDecay = 0.01
  /// Largest global norm of the dense gradients; 0 = no clipping.
  package var clip = 1.0
  /// AdamW's decay of the first moment.
  package var beta1 = 0.9
  /// AdamW's decay of the second moment.
  package var beta2 = 0.999
  /// What keeps a division by the root of the second moment finite.
  package var epsilon = 1.0e-8
  /// Rule for ID rows and token states.
  package var rows = RowRule.adagrad
  /// Learning rate of ID rows.
  package var idLearningRate = 5.0e-2
  /// Learning rate of token states.
  package var tokenLearningRate = 5.0e-3
  /// Whether warm-up and cosine scale the rows' learning rates.
  package var rowSchedule = RowSchedule.constant
  /// Share of the peak learning rate that the cosine ends at.
  package var finalLearningRate = 0.0

  /// The defaults.
  package init() {}
}

extension OptimizerConfig: ConfigSection {
  static let about = """
    How parameters are updated. AdamW updates the dense parameters (gate, experts, transformer, user head); a sparse rule updates \
    the rows of the item table (ID rows and token states) that a step has seen.
    """

  static let keys: [ConfigKey<OptimizerConfig>] = [
    .value("learning_rate", \.learningRate, .above(0), "highest learning rate of the dense parameters; a cosine takes it down"),
    .value("warmup", \.warmup, .within(0...1), "share of a phase's steps in which the learning rate rises to its highest"),
    .value("weight_decay", \.weightDecay, .atLeast(0), "decoupled weight decay of the dense matrices"),
    .value(
      "clip", \.clip, .atLeast(0), "largest norm of all dense gradients together; larger ones are scaled down to it; 0 = off"),
    .value("beta1", \.beta1, .from(0, below: 1), "AdamW's decay of the first moment (mean gradient)"),
    .value("beta2", \.beta2, .from(0, below: 1), "AdamW's decay of the second moment (mean squared gradient)"),
    .value("epsilon", \.epsilon, .above(0), "AdamW's epsilon: keeps the division by the second moment's root finite"),
    .value("rows", \.rows, .any, "rule for ID rows and token states: row-wise AdaGrad, or Adam on the rows of a step"),
    .value("id_learning_rate", \.idLearningRate, .above(0), "learning rate of ID rows"),
    .value(
      "token_learning_rate", \.tokenLearningRate, .above(0), "learning rate of token states; smaller, as text should only drift"),
    .value(
      "row_schedule", \.rowSchedule, .any, "learning rate of rows: constant, or the same warm-up and cosine as the dense ones"),
    .value(
      "final_learning_rate", \.finalLearningRate, .within(0...1), "where the cosine ends, as a share of the highest learning rate"
    ),
  ]
}
