/// Adds up the seconds that each kind of work takes, and keeps each stretch of it on the rank's timeline, where there is one.
///
/// The one way in which a step is measured: its parts, its collectives and itself. Ours.
package final class Stopwatch<Kind: CaseIterable & RawRepresentable<Int>> {
  /// Seconds by kind, in the order of the raw values.
  package private(set) var seconds = [Double](repeating: 0, count: Kind.allCases.count)
  /// Where stretches are kept.
  package var timeline: Timeline? { didSet { register() } }
  private let category: String
  private let shortest: UInt64
  private var firstLabel = 0

  /// Makes a stopwatch at zero; cases are numbered from 0.
  ///
  /// - Parameters:
  ///   - category: what the kinds are called together on a timeline.
  ///   - shortest: nanoseconds; what takes less is added up, but not kept on the timeline.
  package init(_ category: String, shortest: UInt64 = 0, timeline: Timeline? = nil) {
    self.category = category
    self.shortest = shortest
    self.timeline = timeline
    register()
  }

  /// Seconds of one kind.
  package subscript(kind: Kind) -> Double { seconds[kind.rawValue] }

  /// Starts again at zero.
  package func reset() {
    for kind in seconds.indices { seconds[kind] = 0 }
  }

  /// Runs `body` and adds its time to a kind.
  package func time<Result>(_ kind: Kind, _ body: () throws -> Result) rethrows -> Result {
    let start = Timeline.now
    defer { add(kind, from: start, to: Timeline.now) }
    return try body()
  }

  private func add(_ kind: Kind, from start: UInt64, to end: UInt64) {
    seconds[kind.rawValue] += Double(end - start) * 1e-9
    if let timeline, end - start >= shortest { timeline.append(firstLabel + kind.rawValue, from: start, to: end) }
  }

  private func register() {
    let names = Kind.allCases.sorted { $0.rawValue < $1.rawValue }.map { "\($0)" }
    firstLabel = timeline?.register(category, names) ?? 0
  }
}
