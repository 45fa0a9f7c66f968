package import Collectives
package import Host
import Model
import Synchronization
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
  /// `bytes` altogether, 3 bytes moved for 2 (x in, y in and out), slice by slice. Each is the best of its tries, which are short, so that
  /// they say what a core can do also where ranks share cores and take turns.
  package static func measure(
    _ communicator: any Communicator, precision: NumberFormat, bytes: Int = 256 << 20
  ) throws -> Roofline {
    try communicator.barrier()
    let gigaflops = gigaflops(precision, tries: 100)
    let block = Storage<Float>(count: bytes / 4)
    // Pages that nobody has written are all the same page of zeros, which no memory is read for.
    block.buffer.update(repeating: 1)
    let half = block.count / 2
    let (x, y) = (Matrix(block.base, rows: 1, columns: half), Matrix(block.base + half, rows: 1, columns: half))
    try communicator.barrier()
    let rates = (0..<5).map { _ in gigabytes(x, y) }
    try communicator.barrier()
    return Roofline(gigaflops: gigaflops, gigabytes: rates.max() ?? 0)
  }

  /// GB/s of `y += x`, of two rows: those of its middle slice, because a turn of another thread's falls into few of them.
  private static func gigabytes(_ x: Matrix, _ y: Matrix) -> Double {
    let slice = min(x.columns, 1 << 18)
    let rates = (0..<x.columns / slice).map { index -> Double in
      let (from, to) = (
        Matrix(x.base + index * slice, rows: 1, columns: slice), Matrix(y.base + index * slice, rows: 1, columns: slice)
      )
      let start = Timeline.now
      add(from, to: to)
      return Double(12 * slice) / Double(max(Timeline.now - start, 1))
    }
    return rates.sorted()[rates.count / 2]
  }

  /// GFLOP/s of the product [256, 256] x [256, 256] on this thread, the best of some tries.
  static func gigaflops(_ precision: NumberFormat, tries: Int) -> Double {
    let product = StepProducts.Product(part: .encode, m: 256, n: 256, k: 256)
    return product.operations / StepProducts.best(product, precision, tries: tries) * 1e-9
  }

  /// The least seconds that a cost takes.
  package func seconds(_ cost: StepCosts.Cost) -> Double {
    max(cost.operations / gigaflops, cost.bytes / gigabytes) * 1e-9
  }
}

extension StepEstimate.Constants {
  /// Puts in how fast this host's cores form products while so many of them do; takes some hundredths of a second.
  ///
  /// - Parameter precision: what the run's steps round factors to, where the processor can.
  package mutating func measureProducts(ranks: Int, _ precision: NumberFormat) throws {
    peak = try Self.peak(.fp32, ranks: ranks)
    // Steps fall back to float32 where the processor does not multiply bfloat16.
    bf16Peak = precision == .bf16 && Engine.supports(.bf16) ? try Self.peak(.bf16, ranks: ranks) : peak * share / bf16Share
  }

  /// That of the slowest of some threads.
  private static func peak(_ precision: NumberFormat, ranks: Int) throws -> Double {
    let slowest = Mutex(Double.infinity)
    try RankThreads.run(ranks: ranks) { communicator in
      Engine.prepareThread()
      try communicator.barrier()
      let own = Roofline.gigaflops(precision, tries: 50)
      slowest.withLock { $0 = min($0, own) }
    }
    return slowest.withLock { $0 }
  }
}
