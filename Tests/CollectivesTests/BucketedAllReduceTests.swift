import Collectives
import Host
import Testing

/// The background sum of a large buffer equals the plain one, whatever the buckets and whoever is late.
@Suite struct BucketedAllReduceTests {
  private func values(_ rank: Int, _ count: Int, _ round: Int) -> [Float] {
    (0..<count).map { index in
      (1 + Float((index + round) % 89) / 89) * [1e6, -1, 1e-3, 3e5][(rank + index) % 4]
    }
  }

  private func run(
    ranks: Int, count: Int, bucketBytes: Int, wire: NumberFormat,
    check: @escaping @Sendable (_ sum: [Float], _ round: Int) -> Void
  ) throws {
    try RankThreads.run(ranks: ranks) { communicator in
      let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      defer { buffer.deallocate() }
      let reducer = BucketedAllReduce(buffer, of: communicator, wire: wire, bucketBytes: bucketBytes, communicator: communicator)
      for round in 0..<3 {
        reducer.begin()
        _ = buffer.update(fromContentsOf: values(communicator.rank, count, round))
        // Ranks say at different times that pieces are ready; a blocking sum comes between.
        let cuts = communicator.rank % 2 == 0 ? [count * 2 / 3, count / 3] : [count / 2]
        for cut in cuts { try reducer.markReady(from: cut) }
        _ = try communicator.sum([1])
        try reducer.progress()
        try reducer.markReady(from: 0)
        try reducer.finish()
        check(Array(buffer), round)
      }
    }
  }

  @Test(arguments: [(1, 100, 64), (2, 1000, 256), (3, 1001, 128), (4, 5, 4), (7, 3, 1 << 20), (3, 40_000, 4)])
  func sumsInRankOrder(_ ranks: Int, _ count: Int, _ bucketBytes: Int) throws {
    try run(ranks: ranks, count: count, bucketBytes: bucketBytes, wire: .fp32) { sum, round in
      let all = (0..<ranks).map { values($0, count, round) }
      let expected = (0..<count).map { index in all.dropFirst().reduce(all[0][index]) { $0 + $1[index] } }
      #expect(sum.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test func overABf16WireEveryRankHasTheSameRoundedSum() throws {
    try run(ranks: 3, count: 1000, bucketBytes: 512, wire: .bf16) { sum, round in
      let all = (0..<3).map { values($0, 1000, round).map(rounded) }
      let expected = (0..<1000).map { index in rounded(all[0][index] + all[1][index] + all[2][index]) }
      #expect(sum.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test func theWireCarriesTheLeastThatAnAllReduceCan() throws {
    try RankThreads.run(ranks: 4) { communicator in
      let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4096)
      defer { buffer.deallocate() }
      buffer.initialize(repeating: 1)
      let reducer = BucketedAllReduce(buffer, of: communicator, wire: .fp32, bucketBytes: 1024, communicator: communicator)
      try reducer.markReady(from: 0)
      try reducer.finish()
      #expect(communicator.state.traffic.bytes[Traffic.denseGradients.rawValue] == 2 * 3 * 4096 * 4 / 4)
    }
  }

  /// The nearest bfloat16, ties to even, by comparing both neighbors.
  private func rounded(_ value: Float) -> Float {
    let low = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    let high = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
    let (below, above) = (abs(value - low), abs(high - value))
    if below != above { return below < above ? low : high }
    return low.bitPattern >> 16 & 1 == 0 ? low : high
  }
}
