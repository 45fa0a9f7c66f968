package import Host
package import Tensors

/// What a pass through the model is given besides its numbers.
package struct StepContext {
  /// Where everything that the pass computes lies.
  package let workspace: Workspace
  /// Dropout, direction and precision.
  package let mode: ForwardMode
  /// What the parts of the step are measured by.
  package let clock: StepClock
  /// Who hears of complete gradients; nil = nobody.
  package let observer: (any BackwardObserver)?

  /// Puts a pass together; without a clock of the step's, its time is measured by one that nobody reads.
  package init(
    _ workspace: Workspace, mode: ForwardMode, clock: StepClock = StepClock(), observer: (any BackwardObserver)? = nil
  ) {
    self.workspace = workspace
    self.mode = mode
    self.clock = clock
    self.observer = observer
  }

  /// Says that the flat gradients are complete from an element on.
  func complete(from element: Int) throws { try observer?.gradientsAreComplete(from: GradientOffset(element)) }
}

/// What a forward pass needs besides its input: randomness for dropout, and whether positions may look ahead.
package struct ForwardMode {
  /// The seed of every dropout mask.
  package let seed: UInt64
  /// The step, part of every mask's key.
  package let step: UInt32
  /// The dropout rate; 0 outside training.
  package let dropout: Float
  /// Whether a position reads only itself and earlier ones (phase 1) or all (phase 2).
  package let causal: Bool
  /// What the factors of products are rounded to.
  package let precision: NumberFormat

  /// A training pass.
  package init(seed: UInt64, step: UInt32, dropout: Float, causal: Bool, precision: NumberFormat = .fp32) {
    self.seed = seed
    self.step = step
    self.dropout = dropout
    self.causal = causal
    self.precision = precision
  }

  /// A pass without dropout, in float32: evaluation, export.
  package static func inference(causal: Bool) -> ForwardMode { ForwardMode(seed: 0, step: 0, dropout: 0, causal: causal) }
}

/// From where on the flat gradients of the dense parameters are complete: what lies behind it may travel while backward goes on.
package struct GradientOffset: Equatable, Sendable {
  /// The first complete element of the flat buffer.
  package let element: Int

  /// Everything from `element` on.
  package init(_ element: Int) { self.element = element }
}

/// Who wants to know how far backward has come.
package protocol BackwardObserver: AnyObject {
  /// The gradients from `offset` on are complete.
  ///
  /// Called between layers and between their blocks, also when nothing more is complete than before; must not wait.
  func gradientsAreComplete(from offset: GradientOffset) throws
}
