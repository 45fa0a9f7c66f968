package import Collectives
package import Host
import Model
import Tensors
package import Training

extension Benchmark {
  /// What was measured; times in milliseconds, medians over the steps.
  package struct Result: Sendable {
    /// Packed positions of a step.
    package var positions = 0
    /// What the products' factors were rounded to.
    package var precision = NumberFormat.fp32
    /// One sentence when that is not what was asked for.
    package var warning: String?
    /// Distinct items that this rank wanted, and that it embedded for the whole job.
    package var items = (wanted: 0, owned: 0)
    /// Shared negatives of a step, without duplicates.
    package var negatives = 0
    /// A whole step.
    package var step = 0.0
    /// The fastest and the slowest step.
    package var range = 0.0...0.0
    /// Each part of a step.
    package var parts: [Part] = []
    /// The step's matrix products, formed alone.
    package var products = 0.0
    /// Floating-point operations of those products.
    package var operations = 0.0
    /// What this rank sent in a step, and how long it waited, by what it was about; means over the steps.
    package var traffic: [(about: Traffic, bytes: Double, milliseconds: Double)] = []
    /// A whole step, the mean.
    package var meanStep = 0.0
    /// How long each rank computed and waited, means over the steps.
    package var pace = RankPace(computing: [], waiting: [])
    /// One sentence about ranks that hold up the others; nil when none does.
    package var slowRanks: String?
    /// Messages that this rank sent in a step: all, those to other hosts, and the bytes of these; means over the steps.
    package var messages = (all: 0.0, betweenHosts: 0.0, bytesBetweenHosts: 0.0)
    /// Bytes of this rank's workspace: reserved before the first step, and taken at most.
    package var workspace = (reserved: 0, peak: 0)
    /// The loss of the first and the last step.
    package var losses = (first: 0.0, last: 0.0)

    /// Positions a second.
    package var positionsPerSecond: Double { Double(positions) / step * 1000 }
    /// GFLOP/s of the products alone: the ceiling.
    package var ceiling: Double { operations / products * 1e-6 }
    /// The share of the ceiling that whole steps reach.
    package var shareOfCeiling: Double { products / step }
    /// What all parts together cannot do without.
    package var cost: StepCosts.Cost {
      parts.reduce(into: StepCosts.Cost()) {
        $0.operations += $1.cost.operations
        $0.bytes += $1.cost.bytes
      }
    }
    /// Milliseconds of a step spent in communication.
    package var waiting: Double { traffic.reduce(0) { $0 + $1.milliseconds } }

    /// The least time that the parts take one after the other, as a share of the step's.
    package func share(of roofline: Roofline) -> Double {
      parts.reduce(0) { $0 + roofline.seconds($1.cost) } * 1000 / step
    }
  }

  /// A part of a step, and how fast it did what it cannot do without.
  package struct Part: Sendable {
    /// Which.
    package let part: StepPart
    /// Its time.
    package let milliseconds: Double
    /// What it cannot do without.
    package let cost: StepCosts.Cost

    /// GFLOP/s of its products.
    package var gigaflops: Double { milliseconds > 0 ? cost.operations / milliseconds * 1e-6 : 0 }
    /// GB/s of the bytes that it must move.
    package var gigabytes: Double { milliseconds > 0 ? cost.bytes / milliseconds * 1e-6 : 0 }

    /// The least time that the cost takes, as a share of the time that it took; nil for a part that only waits.
    ///
    /// Above 1 when what it reads was still in a cache.
    package func share(of roofline: Roofline) -> Double? {
      guard milliseconds > 0, cost.operations + cost.bytes > 0 else { return nil }
      return roofline.seconds(cost) * 1000 / milliseconds
    }
  }
}
