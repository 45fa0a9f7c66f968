package import Collectives
import Files
import Host

/// How long each rank computes and waits in a step, and so which ranks hold up the others.
///
/// Ours.
package struct RankPace: Equatable, Sendable {
  /// A rank is slow when it computes for longer than so many times the median: what other work on a host makes of equal ranks stays below.
  package static let limit = 1.25
  /// A rank that was named is not slow any more below this.
  static let relief = 1.15
  /// Milliseconds that make no rank slow, in however short a step.
  static let moment = 1.0
  /// Milliseconds that each rank computes in a step.
  package let computing: [Double]
  /// Milliseconds that each rank waits for others in a step.
  package let waiting: [Double]

  /// Describes ranks.
  package init(computing: [Double], waiting: [Double]) { (self.computing, self.waiting) = (computing, waiting) }

  /// Every rank's pace, from each rank's own milliseconds a step; collective.
  package static func gather(computing: Double, waiting: Double, _ communicator: any Communicator) throws -> RankPace {
    var own = [Double](repeating: 0, count: 2 * communicator.size)
    (own[2 * communicator.rank], own[2 * communicator.rank + 1]) = (computing, waiting)
    let all = try communicator.sum(own, as: .other)
    return RankPace(
      computing: (0..<communicator.size).map { all[2 * $0] }, waiting: (0..<communicator.size).map { all[2 * $0 + 1] })
  }

  /// The median rank's computing; of two in the middle the faster, so that of two ranks one can be slow.
  package var median: Double { computing.isEmpty ? 0 : computing.sorted()[(computing.count - 1) / 2] }

  /// The ranks that compute for longer than `limit` times the median, ascending.
  ///
  /// - Parameter named: ranks that are slow already, and stay so until they are below `relief`.
  package func slow(named: [Int] = []) -> [Int] {
    computing.indices.filter { rank in
      let limit = named.contains(rank) ? Self.relief : Self.limit
      return computing[rank] > limit * median && computing[rank] - median > Self.moment
    }
  }

  /// Which of those ranks is the slowest.
  package func slowest(of ranks: [Int]) -> Int? { ranks.max { (computing[$0], $1) < (computing[$1], $0) } }

  /// The share of a step that a rank takes longer than the median: what the others wait for it, beside their waiting for messages.
  package func cost(of rank: Int) -> Double {
    let step = zip(computing, waiting).reduce(0) { $0 + $1.0 + $1.1 } / Double(max(computing.count, 1))
    return (computing[rank] - median) / max(step, 1e-9)
  }

  /// The sentence, with the host that the slowest rank is on; collective.
  package func sentence(_ ranks: [Int], _ communicator: any Communicator) throws -> String {
    let host = try communicator.firstText(slowest(of: ranks) == communicator.rank ? Machine.host : nil)
    return sentence(ranks, host: host ?? "")
  }

  /// Names the slow ranks, where the slowest is, and what they cost.
  ///
  ///     rank 3 on node7 takes 1.8 times as long as the median rank: 93.0 ms of computing in a step against 51.7, which costs the others 41 % of a step
  package func sentence(_ ranks: [Int], host: String) -> String {
    guard let slowest = slowest(of: ranks) else { return "" }
    let times = HumanFormat.decimal(computing[slowest] / max(median, 1e-9), 1)
    let cost =
      "\(HumanFormat.decimal(computing[slowest], 1)) ms of computing in a step against \(HumanFormat.decimal(median, 1)), which costs "
      + "the others \(HumanFormat.decimal(100 * cost(of: slowest), 0)) % of a step"
    if ranks.count == 1 {
      let measure = computing.count == 2 ? "the other rank" : "the median rank"
      return "rank \(slowest) on \(host) takes \(times) times as long as \(measure): \(cost)"
    }
    let shown = ranks.prefix(8).map(String.init).joined(separator: ", ") + (ranks.count > 8 ? ", …" : "")
    return "ranks \(shown) take up to \(times) times as long as the median rank, rank \(slowest) on \(host) the longest: \(cost)"
  }
}

/// Says when ranks become slow, when others do, and when none is any more.
///
/// Ranks tell each other their times once a window of steps. What two windows running show is news: one alone may be a moment of other
/// work.
struct PaceWatch {
  /// What there is to say.
  enum News: Equatable {
    case slow([Int])
    case even
  }

  /// The fewest steps of a window.
  static let shortest = 20
  private let window: Int
  private var steps = 0
  private var computing = 0.0
  private var waiting = 0.0
  private var named: [Int] = []
  private var last: [Int] = []

  /// Watches in windows of the steps between two lines of the log, or a multiple of them.
  init(everySteps: Int) {
    let every = max(everySteps, 1)
    window = every * ((Self.shortest + every - 1) / every)
  }

  /// Adds a step of this rank, in seconds; at the end of a window, every rank's pace.
  ///
  /// Collective.
  mutating func add(seconds: Double, waiting: Double, _ communicator: any Communicator) throws -> RankPace? {
    guard communicator.size > 1 else { return nil }
    steps += 1
    computing += seconds - waiting
    self.waiting += waiting
    guard steps == window else { return nil }
    let milliseconds = 1000 / Double(steps)
    defer { (steps, computing, self.waiting) = (0, 0, 0) }
    return try RankPace.gather(
      computing: computing * milliseconds, waiting: self.waiting * milliseconds, communicator)
  }

  /// What a window says that was not said before; the same on every rank.
  mutating func news(_ pace: RankPace) -> News? {
    let slow = pace.slow(named: named)
    defer { last = slow }
    guard slow == last, slow != named else { return nil }
    named = slow
    return slow.isEmpty ? .even : .slow(slow)
  }
}
