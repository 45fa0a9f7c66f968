package import Collectives
package import Host
import Model
import Tensors

/// What a rank's core could do at most while all ranks work: operations a second in a cache, bytes a second from memory.
///
/// The roofline model (Williams, Waterman and Patterson 2009): a part that must do so many operations and move so many bytes
/// takes at least the longer of the two times.
package struct Roofline: Sendable, Equatable {
  /// GFLOP/s of a product that lives in a core's cache.
  package let gigaflops: Double
  /// GB/s of memory, read and written.
  package let gigabytes: Double

  /// States what a core can do.
  package init(gigaflops: Double, gigabytes: Double) {
    self.gigaflops = gigaflops
    self.gigabytes = gigabytes
  }

  /// Measures it, on all ranks at the same time, so that they share caches and memory as they do in a step; collective.
  ///
  /// The product is [256, 256] x [256, 256] (768 KiB), formed as the step's products are; the memory's is the sum `y += x` over
  /// `bytes` altogether, 3 bytes moved for 2 (x in, y in and out). Each is the best of its tries.
  package static func measure(
    _ communicator: any Communicator, precision: NumberFormat, bytes: Int = 256 << 20
  ) throws -> Roofline {
    let product = StepProducts.Product(part: .encode, m: 256, n: 256, k: 256)
    try communicator.barrier()
    let seconds = StepProducts.best(product, precision, tries: 100)
    let block = Storage<Float>(count: bytes / 4)
    // Pages that nobody has written are all the same page of zeros, which no memory is read for.
    block.buffer.update(repeating: 1)
    let half = block.count / 2
    let (x, y) = (Matrix(block.base, rows: 1, columns: half), Matrix(block.base + half, rows: 1, columns: half))
    try communicator.barrier()
    let moved = (0..<5).map { _ -> Double in
      let start = Timeline.now
      add(x, to: y)
      return Double(Timeline.now - start) * 1e-9
    }
    try communicator.barrier()
    return Roofline(
      gigaflops: product.operations / seconds * 1e-9, gigabytes: Double(12 * half) / (moved.min() ?? 1) * 1e-9)
  }

  /// The least seconds that a cost takes.
  package func seconds(_ cost: StepCosts.Cost) -> Double {
    max(cost.operations / gigaflops, cost.bytes / gigabytes) * 1e-9
  }
}
