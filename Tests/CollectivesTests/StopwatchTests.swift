import Collectives
import Host
import Testing

/// What is measured, and what of it a timeline keeps.
@Suite struct StopwatchTests {
  private enum Work: Int, CaseIterable {
    case outer, inner, idle
  }

  private struct Refused: Error {}

  @Test func kindsAddUp() throws {
    let stopwatch = Stopwatch<Work>("work")
    #expect(stopwatch.time(.outer) { stopwatch.time(.inner) { 7 } } == 7)
    #expect(stopwatch[.outer] >= stopwatch[.inner] && stopwatch[.inner] > 0 && stopwatch[.idle] == 0)
    let before = stopwatch[.inner]
    #expect(throws: Refused.self) { try stopwatch.time(.inner) { throw Refused() } }
    #expect(stopwatch[.inner] > before)
    stopwatch.reset()
    #expect(stopwatch.seconds == [0, 0, 0])
  }

  @Test func aTimelineKeepsWhatEndedInItsOrder() throws {
    let timeline = Timeline(capacity: 8)
    let stopwatch = Stopwatch<Work>("work", timeline: timeline)
    timeline.step = 3
    stopwatch.time(.outer) { stopwatch.time(.inner) {} }
    timeline.step = 0
    stopwatch.time(.inner) {}
    let names = timeline.spans.map { timeline.labels[$0.label].name }
    #expect(names == ["inner", "outer", "inner"] && timeline.spans.map(\.step) == [3, 3, 0] && timeline.dropped == 0)
    #expect(timeline.labels.allSatisfy { $0.category == "work" })
    let (inner, outer) = (timeline.spans[0], timeline.spans[1])
    #expect(outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end)
    let kept = timeline.spans.reduce(0.0) { $0 + Double($1.end - $1.start) }
    #expect(abs(stopwatch.seconds.reduce(0, +) * 1e9 - kept) < 1)
  }

  @Test func whatIsTooShortIsOnlyAddedUp() {
    let timeline = Timeline(capacity: 8)
    let stopwatch = Stopwatch<Work>("work", shortest: .max, timeline: timeline)
    stopwatch.time(.outer) {}
    #expect(stopwatch[.outer] > 0 && timeline.spans.isEmpty && timeline.dropped == 0)
  }

  @Test func aFullTimelineCounts() {
    let timeline = Timeline(capacity: 2)
    let stopwatch = Stopwatch<Work>("work", timeline: timeline)
    Timeline.record("phase", "whole", on: timeline) {
      for _ in 0..<5 { stopwatch.time(.inner) {} }
    }
    #expect(timeline.dropped == 3 && timeline.spans.map { timeline.labels[$0.label].name } == ["inner", "inner", "whole"])
  }

  @Test func theClockIsTheDays() {
    let now = Timeline.sinceEpoch + Timeline.now
    #expect(now > 1_700_000_000_000_000_000 && Timeline.sinceEpoch + Timeline.now >= now)
  }

  @Test func waitingIsKeptByKind() throws {
    try RankThreads.run(ranks: 2) { communicator in
      let timeline = Timeline(capacity: 1000)
      communicator.state.timeline = timeline
      try communicator.state.time(.users) { for _ in 0..<100 { try communicator.barrier() } }
      let kinds = Set(timeline.spans.map { timeline.labels[$0.label] })
      #expect(kinds.contains(Timeline.Label(category: "waiting", name: "users")))
      #expect(timeline.spans.allSatisfy { $0.end - $0.start >= 1000 })
    }
  }
}
