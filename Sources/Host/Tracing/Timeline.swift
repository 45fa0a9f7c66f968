import Foundation

/// What one rank did when: named spans of time, in memory that is reserved at the start.
///
/// Ours. `--trace` gives each rank one and writes it out at the end; without one, a `Stopwatch` only adds up. Recording a span
/// allocates nothing and takes no lock, so that a traced step is as fast as another. When the memory is full, later spans are
/// counted and not kept. Used by the rank's own thread.
package final class Timeline {
  /// What a span is about.
  package struct Label: Sendable, Hashable {
    /// A family of names: `step`, `part`, `waiting`.
    package let category: String
    /// The name.
    package let name: String

    /// Names a kind of span.
    package init(category: String, name: String) {
      self.category = category
      self.name = name
    }
  }

  /// A stretch of time; times are nanoseconds of the process's clock (`now`).
  package struct Span: Sendable, Equatable, BitwiseCopyable {
    /// Which of `labels`.
    package let label: Int
    /// The step that was being trained, from 1; 0 between steps.
    package let step: Int
    /// When it began.
    package let start: UInt64
    /// When it ended.
    package let end: UInt64
  }

  /// How many spans are kept by default: 16 MiB of them, touched as they come (ours: thousands of steps; a viewer takes no more).
  package static let defaultCapacity = 1 << 19

  /// What adding `now` to gives nanoseconds since 1970: one number for all ranks of the process, taken when first asked for.
  ///
  /// `now` starts anew with every host; the hosts' clocks of the day are what their ranks have in common.
  package static let sinceEpoch: UInt64 = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec) - now
  }()

  /// The names in use.
  package private(set) var labels: [Label] = []
  /// What was recorded, in the order in which it ended.
  package private(set) var spans: [Span] = []
  /// How many spans came when the memory was full.
  package private(set) var dropped = 0
  /// The step that is being trained, from 1; 0 between steps.
  package var step = 0
  private let capacity: Int

  /// Reserves memory for `capacity` spans.
  package init(capacity: Int = Timeline.defaultCapacity) {
    self.capacity = capacity
    spans.reserveCapacity(capacity)
    _ = Timeline.sinceEpoch
  }

  /// Nanoseconds of the process's clock, which never goes back.
  package static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// Names what spans will be about: the number of the first label; the others follow.
  func register(_ category: String, _ names: [String]) -> Int {
    defer { labels += names.map { Label(category: category, name: $0) } }
    return labels.count
  }

  /// Keeps a span, or counts it when there is no room.
  package func append(_ label: Int, from start: UInt64, to end: UInt64) {
    guard spans.count < capacity else {
      dropped += 1
      return
    }
    spans.append(Span(label: label, step: step, start: start, end: end))
  }

  /// Runs `body` and keeps its time under a name that nobody has registered: for the few things that last a long while.
  ///
  /// There is room for these even when there is none for steps.
  package static func record<Result>(
    _ category: String, _ name: String, on timeline: Timeline?, _ body: () throws -> Result
  ) rethrows -> Result {
    guard let timeline else { return try body() }
    let (label, start) = (timeline.register(category, [name]), now)
    defer { timeline.spans.append(Span(label: label, step: timeline.step, start: start, end: now)) }
    return try body()
  }
}
