import Collectives
import Files
import Host
import Reporting

/// Where the time of steps goes on every rank, summed up between two evaluations.
///
/// Ours. Adding up costs a step nothing; ranks tell each other when they meet for an evaluation anyway.
final class RankTimes {
  private static let parts = StepPart.allCases.map { RecordCoding.key(of: "\($0)") }
  private var seconds = [Double](repeating: 0, count: StepPart.allCases.count)
  private var waiting = 0.0
  private var steps = 0

  /// Adds a step.
  func add(_ clock: StepClock, waiting: Double) {
    for part in seconds.indices { seconds[part] += clock.seconds[part] }
    self.waiting += waiting
    steps += 1
  }

  /// The means since the last call, of all ranks; nil without a step.
  ///
  /// Collective.
  func take(phase: String, step: Int, _ communicator: any Communicator) throws -> RankTimesRecord? {
    guard steps > 0 else { return nil }
    let width = seconds.count + 1
    var all = [Double](repeating: 0, count: communicator.size * width)
    for (index, value) in (seconds + [waiting]).enumerated() {
      all[communicator.rank * width + index] = 1000 * value / Double(steps)
    }
    all = try communicator.sum(all, as: .other)
    let ranks = (0..<communicator.size).map { Array(all[$0 * width..<($0 + 1) * width]) }
    let record = RankTimesRecord(
      phase: phase, step: step, steps: steps, parts: Self.parts, milliseconds: ranks.map { Array($0.dropLast()) },
      waiting: ranks.map { $0[width - 1] })
    for part in seconds.indices { seconds[part] = 0 }
    (waiting, steps) = (0, 0)
    return record
  }
}
