import Collectives
import Testing

/// The contract of `Communicator` in the world of one rank.
@Suite struct SoloCommunicatorTests {
  private let solo: any Communicator = SoloCommunicator()

  @Test func isAloneInItsWorld() throws {
    #expect(solo.rank == 0 && solo.size == 1)
    try solo.barrier()
  }

  @Test func sumsAreTheValuesThemselves() throws {
    var floats: [Float] = [1, -2, .infinity]
    try floats.withUnsafeMutableBufferPointer { try solo.allReduce($0) }
    #expect(floats == [1, -2, .infinity])
    #expect(try solo.sum([0.1, 1e300]) == [0.1, 1e300])
    #expect(try solo.sum([]) == [])
  }

  @Test func countsComeBack() throws {
    #expect(try solo.exchangeCounts([7]) == [7])
    #expect(try solo.exchangeCounts([0]) == [0])
    #expect(try solo.gatherCounts(41) == [41])
  }

  @Test func segmentsAreCopied() throws {
    let send: [Int32] = [3, 1, 4, 1, 5]
    var received = [Int32](repeating: -1, count: 7)
    try send.withUnsafeBufferPointer { send in
      try received.withUnsafeMutableBufferPointer { try solo.allToAll(send, counts: [5], into: $0, counts: [5]) }
    }
    #expect(received == [3, 1, 4, 1, 5, -1, -1])
    var gathered = [UInt64](repeating: 9, count: 2)
    try [UInt64.max, 1].withUnsafeBufferPointer { send in
      try gathered.withUnsafeMutableBufferPointer { try solo.allGather(send, into: $0, counts: [2]) }
    }
    #expect(gathered == [.max, 1])
    var scattered = [Float](repeating: 9, count: 3)
    try [Float(1), 2, 3].withUnsafeBufferPointer { values in
      try scattered.withUnsafeMutableBufferPointer { try solo.reduceScatter(values, counts: [3], into: $0) }
    }
    #expect(scattered == [1, 2, 3])
  }

  @Test func nothingCanBeSent() throws {
    let nothing = UnsafeBufferPointer<Float>(start: nil, count: 0)
    let nowhere = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    try solo.allReduce(nowhere)
    try solo.allToAll(nothing, counts: [0], into: nowhere, counts: [0])
    try solo.allGather(nothing, into: nowhere, counts: [0])
    try solo.reduceScatter(nothing, counts: [0], into: nowhere)
  }
}
