package import Collectives
package import Config
package import Host
package import Tensors

/// What the products of a job's training steps are rounded to: the configuration's wish, where every machine can grant it.
package struct StepPrecision: Sendable {
  /// The precision of every rank.
  package let precision: NumberFormat
  /// The kernel of every rank's products in bf16; nil in fp32.
  package let kernel: ProductKernel?
  /// One sentence when the precision is not what was asked for.
  package let warning: String?

  /// Agrees with all ranks; collective.
  ///
  /// One rank in float32 beside others in bfloat16, or two kernels, which round at different places, would make a job's numbers depend
  /// on which host holds which users.
  ///
  /// - Parameter kernels: what this rank's processor can multiply bfloat16 with.
  package init(
    _ compute: ComputeConfig, communicator: any Communicator, kernels: [ProductKernel] = ProductKernel.usable
  ) throws {
    guard compute.precision == .bf16 else {
      (precision, kernel, warning) = (.fp32, nil, nil)
      return
    }
    let able = try communicator.sum(ProductKernel.allCases.map { kernels.contains($0) ? 1 : 0 } + [kernels.isEmpty ? 0 : 1])
    kernel = zip(ProductKernel.allCases, able).filter { $0.1 == Double(communicator.size) }.last?.0
    precision = kernel == nil ? .fp32 : .bf16
    let unable = communicator.size - Int(able[able.count - 1])
    let lack =
      unable > 0
      ? "processors that multiply bfloat16, which \(unable) of \(communicator.size) ranks lack"
      : "processors of one kind, and those of the \(communicator.size) ranks have no such products in common"
    warning =
      kernel == nil
      ? "compute.precision: bf16 needs \(lack) (rank \(communicator.rank) has \(Engine.instructionSet)): products are computed in fp32"
      : nil
  }

  /// Makes this process compute as agreed.
  package func take() { kernel?.use() }
}
