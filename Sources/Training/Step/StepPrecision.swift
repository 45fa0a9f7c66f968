package import Collectives
package import Config
package import Host
import Tensors

/// What the products of a job's training steps are rounded to: the configuration's wish, where every machine can grant it.
package struct StepPrecision: Sendable {
  /// The precision of every rank.
  package let precision: NumberFormat
  /// One sentence when that is not what was asked for.
  package let warning: String?

  /// Agrees with all ranks; collective.
  ///
  /// One rank in float32 beside others in bfloat16 would make a job's numbers depend on which host holds which users.
  ///
  /// - Parameter isSupported: whether this rank's processor multiplies bfloat16.
  package init(
    _ compute: ComputeConfig, communicator: any Communicator, isSupported: Bool = Engine.supports(.bf16)
  ) throws {
    guard compute.precision == .bf16 else {
      (precision, warning) = (.fp32, nil)
      return
    }
    let unable = try communicator.sum([isSupported ? 0 : 1])[0]
    precision = unable > 0 ? .fp32 : .bf16
    warning =
      unable > 0
      ? "compute.precision: bf16 needs processors with AVX-512 BF16, which \(Int(unable)) of \(communicator.size) "
        + "ranks lack (rank \(communicator.rank) has \(Engine.instructionSet)): products are computed in fp32"
      : nil
  }
}
