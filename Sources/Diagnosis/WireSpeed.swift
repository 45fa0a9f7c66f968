import Collectives
import Dispatch

/// How fast the ranks speak to each other, measured; the same work on every rank.
struct WireSpeed: Equatable {
  /// One collective of one size.
  struct Line: Equatable {
    let name: String
    /// Bytes of a rank's buffer.
    let bytes: Int
    /// Seconds, the mean of the repetitions.
    let seconds: Double
    /// Bytes that a rank sends to others.
    let sent: Double
  }

  /// Seconds of a barrier.
  let barrier: Double
  let lines: [Line]

  /// Measures; collective, well under a second unless the network is slow.
  static func measure(_ communicator: any Communicator) throws -> WireSpeed {
    defer { communicator.state.resetTraffic() }
    let floats = 4 << 20
    // What a rank receives is rounded up to whole floats from each rank.
    let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2 * floats + communicator.size)
    memory.initialize(repeating: 0)
    defer { memory.deallocate() }
    // The first message between two ranks makes the connection.
    try communicator.barrier()
    let barrier = try time(communicator, repetitions: 50) { try communicator.barrier() }
    var lines: [Line] = []
    for count in [floats / 16, floats] {
      // The small size says how often the large one can be had; agreed, or ranks would wait for each other.
      let seconds = try communicator.sum([lines.last?.seconds ?? 0])[0] / Double(communicator.size)
      let repetitions = lines.isEmpty ? 5 : min(max(Int(0.1 / (16 * max(seconds, 1e-6))), 1), 5)
      let part = UnsafeMutableBufferPointer(rebasing: memory[..<count])
      lines.append(
        try line("all-reduce", communicator, count, repetitions) { try communicator.allReduce(part) })
      let counts = (0..<communicator.size).map { Shares.range(of: $0, ranks: communicator.size, count: count).count }
      let own = [Int](repeating: counts[communicator.rank], count: communicator.size)
      let target = UnsafeMutableBufferPointer(rebasing: memory[floats..<(floats + own.reduce(0, +))])
      lines.append(
        try line("all-to-all", communicator, count, repetitions) {
          try communicator.allToAll(UnsafeBufferPointer(part), counts: counts, into: target, counts: own)
        })
    }
    return WireSpeed(barrier: barrier, lines: lines)
  }

  private static func line(
    _ name: String, _ communicator: any Communicator, _ floats: Int, _ repetitions: Int, _ body: () throws -> Void
  ) throws -> Line {
    communicator.state.resetTraffic()
    let seconds = try time(communicator, repetitions: repetitions, body)
    let sent = Double(communicator.state.traffic.bytes[Traffic.other.rawValue]) / Double(repetitions)
    return Line(name: name, bytes: 4 * floats, seconds: seconds, sent: sent)
  }

  private static func time(_ communicator: any Communicator, repetitions: Int, _ body: () throws -> Void) throws -> Double {
    try communicator.barrier()
    let start = DispatchTime.now().uptimeNanoseconds
    for _ in 0..<repetitions { try body() }
    return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9 / Double(repetitions)
  }
}
