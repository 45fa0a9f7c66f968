import Files
package import Host
import Tensors

extension StepEstimate {
  /// What was measured, on one machine; another one has others.
  ///
  /// docs/scaling.md says how, and how far off a step is by them.
  package struct Constants: Sendable, Equatable {
    /// GFLOP/s of whole steps of a rank, given by who knows them: the step's products over the step's time; nil = what follows decides.
    package var gigaflops: Double?
    /// GFLOP/s of a product in float32 that lives in a core's cache, while all ranks work.
    package var peak = 265.0
    /// The same in bfloat16.
    package var bf16Peak = 535.0
    /// The share of `peak` that a step's products reach.
    var share = 0.86
    /// The same in bfloat16.
    var bf16Share = 0.80
    /// Bytes a second of what a step's parts read and leave (`StepCosts`): the work that stands between products goes with them.
    package var moved = 10e9
    /// Seconds of a step that depend on nothing.
    package var overhead = 0.2e-3
    /// Scores of a user and an item that a rank blends in every way of the grid, a second and GFLOP/s of `peak`.
    var blended = 7.1e4
    /// The share of a step that backward takes, behind which dense gradients travel.
    var backwardShare = 0.47
    /// Bytes a second that a rank gets through the network's software, whatever the network, `precise doctor`.
    package var software = 1e9
    /// Seconds that a message to one rank takes besides its bytes.
    package var message = 10e-6

    /// The measured values.
    package init() {}

    /// Operations a second of a step's products in a number format.
    package func rate(_ precision: NumberFormat) -> Double {
      (precision == .bf16 ? bf16Share * bf16Peak : share * peak) * 1e9
    }
  }

  /// Bytes that the parts of a rank's step cannot do without.
  package var bytesMoved: Double { work.bytes }

  /// The products of a rank's step and how fast they are formed: `40.1 GFLOP / 228 GFLOP/s`.
  package func productsText(_ constants: Constants) -> String {
    func text(_ operations: Double, _ precision: NumberFormat) -> String {
      "\(HumanFormat.decimal(operations * 1e-9, 1)) GFLOP / \(HumanFormat.decimal(constants.rate(precision) * 1e-9, 0)) GFLOP/s"
    }
    guard work.precision == .bf16 else { return text(work.operations + work.fullOperations, .fp32) }
    return "\(text(work.operations, .bf16)) in bf16 + \(text(work.fullOperations, .fp32))"
  }

  /// What a rank computes in a step, as a mean over the phase.
  struct Work: Sendable, Equatable {
    /// Operations of products that the configuration's precision is for.
    var operations = 0.0
    /// Operations of products that are in float32 whatever it is: an item's embedding.
    var fullOperations = 0.0
    /// Bytes that its parts cannot do without.
    var bytes = 0.0
    /// What the first are rounded to.
    var precision = NumberFormat.fp32

    init(_ costs: StepCosts, _ precision: NumberFormat) {
      for part in StepPart.allCases {
        switch part {
        case .encode, .encodeBackward, .loss: operations += costs[part].operations
        case .batch, .embed, .items, .reduce, .dense: fullOperations += costs[part].operations
        }
        bytes += costs[part].bytes
      }
      self.precision = precision
    }

    /// Seconds of the products.
    func products(_ constants: Constants) -> Double {
      operations / constants.rate(precision) + fullOperations / constants.rate(.fp32)
    }

    /// Seconds of all else.
    func moved(_ constants: Constants) -> Double { bytes / constants.moved + constants.overhead }
  }
}
