import TestSupport
import Testing

@testable import Model
@testable import Tensors

@Suite struct TimeBiasTests {
  private let workspace = Workspace(chunkBytes: 1 << 16)

  /// The ages of a sequence behind another one.
  private func ages(_ times: [Int64], request: Int64, _ anchor: TimeAnchor) -> (queries: [Int32], keys: [Int32]) {
    let all = [7, 9] + times
    let events = UnsafeMutablePointer<Int64>.allocate(capacity: all.count)
    events.update(from: all, count: all.count)
    let requests = UnsafeMutablePointer<Int64>.allocate(capacity: 3)
    requests.update(from: [10, 11, request], count: 3)
    let plain = LayerFixture.batch([2, 0, times.count])
    let batch = PackedBatch(starts: plain.starts, rowKeys: plain.rowKeys, times: .init(events: events, requests: requests))
    let ages = batch.aged(anchor, workspace: workspace).ages
    return ((2..<all.count).compactMap { ages?.queries[$0] }, (2..<all.count).compactMap { ages?.keys[$0] })
  }

  @Test func aQueryStandsAtItsOwnEventOrAtTheNext() {
    let (times, request): ([Int64], Int64) = ([100, 100, 160, 1000], 5000)
    let gaps = ages(times, request: request, .gaps)
    #expect(gaps.keys == [900, 900, 840, 0] && gaps.queries == gaps.keys)
    let requested = ages(times, request: request, .request)
    #expect(requested.keys == gaps.keys && requested.queries == [900, 840, 0, -4000])
    // The newest event may lie after the moment that somebody asks about.
    #expect(ages(times, request: 400, .request).queries == [900, 840, 0, 600])
    #expect(ages([], request: 1, .request).keys.isEmpty)
  }

  @Test func farTimesStayWithinTheKernelsNumbers() {
    let most = Int32(1 << 30 - 1)
    for (times, request) in [([Int64.min, 0, .max], Int64.min), ([.min, .min], .max), ([-5_000_000_000, 0], 5_000_000_000)] {
      for anchor in [TimeAnchor.gaps, .request] {
        let found = ages(times, request: request, anchor)
        #expect((found.queries + found.keys).allSatisfy { (-most...most).contains($0) })
        #expect(found.keys.last == 0 && found.keys.first.map { $0 == most || $0 == 0 } == true)
      }
    }
    #expect(ages([0, .max], request: .min, .request).queries == [0, most])
    #expect(ages([0, 1], request: .max, .request).queries == [0, -most])
  }

  @Test func tablesStartNearZeroAndDoNotDecay() {
    let spec = TimeBias.specs("blocks.1", heads: 3)[0]
    #expect(spec.name == "blocks.1.time" && spec.shape == [3, 128] && !spec.decays)
    #expect(spec.initialization == .normal(deviation: 0.02))
    #expect(SelfAttention.specs("b", width: 6).map(\.name).allSatisfy { !$0.hasSuffix("time") })
  }
}
