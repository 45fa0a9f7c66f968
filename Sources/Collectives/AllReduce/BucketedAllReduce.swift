package import Host

/// Sums a large buffer over the ranks piece by piece, in the background, while its other pieces are still being written.
///
/// Buckets go from the end of the buffer to its start: the order in which backward writes gradients. A bucket is cut into one
/// share a rank; each rank gets its share from everybody, adds them in rank order, and hands the sum to everybody: on the wire
/// 2 (R − 1) / R of the buffer a rank, the least that an all-reduce can do, and the same bits on every backend.
/// Nobody moves an exchange on but the rank itself (`progress`): MPI's own non-blocking all-reduce hardly progresses either
/// unless it is polled. docs/distributed.md, "Dense parameters".
package final class BucketedAllReduce {
  /// How many buckets there may be: each takes two channels.
  private static let mostBuckets = (Channels.count - Channels.buckets) / 2
  private let communicator: any Communicator
  private let buckets: [GradientBucket]
  private var ready = 0
  private var finished = 0

  /// Prepares to sum `values`, which stays where it is.
  ///
  /// - Parameters:
  ///   - owner: whose memory the values are; held while buckets are under way.
  ///   - wire: what numbers travel as: `fp32`, or `bf16`, rounded to the nearest; sums are formed in fp32 at home, and rounded where
  ///     they travel once more (more than two ranks).
  ///   - bucketBytes: the wanted size of a bucket, larger when there would be too many; by default 256 KiB, and at
  ///     least 8 KiB a rank: smaller ones set out earlier, larger ones need fewer messages.
  package init(
    _ values: UnsafeMutableBufferPointer<Float>, of owner: AnyObject, wire: NumberFormat, bucketBytes: Int? = nil,
    communicator: any Communicator
  ) {
    precondition(wire != .fp16, "gradients travel as fp32 or bf16, not as \(wire)")
    self.communicator = communicator
    buckets = Self.pieces(of: values.count, ranks: communicator.size, bucketBytes: bucketBytes).enumerated().map {
      number, piece in
      GradientBucket(
        UnsafeMutableBufferPointer(rebasing: values[piece]), of: owner, start: piece.lowerBound, number: number, wire: wire,
        communicator: communicator)
    }
  }

  /// How a buffer of `count` numbers is cut into buckets, in the order in which they set out.
  package static func pieces(of count: Int, ranks: Int, bucketBytes: Int? = nil) -> [Range<Int>] {
    let bucketBytes = bucketBytes ?? max(256 << 10, ranks * (8 << 10))
    let size = max(bucketBytes / 4, (count + mostBuckets - 1) / mostBuckets, 1)
    return stride(from: count, to: 0, by: -size).map { max($0 - size, 0)..<$0 }
  }

  /// Forgets the last sum: nothing is ready.
  package func begin() {
    precondition(finished == ready, "\(ready - finished) buckets are under way")
    (ready, finished) = (0, 0)
  }

  /// Says that everything from `start` on is written: the buckets there set out.
  package func markReady(from start: Int) throws {
    guard communicator.size > 1 else { return }
    try communicator.state.time(.denseGradients) {
      while ready < buckets.count, buckets[ready].start >= start {
        try buckets[ready].start(communicator)
        ready += 1
      }
    }
    try progress()
  }

  /// Moves the buckets under way on, without waiting.
  package func progress() throws {
    guard finished < ready else { return }
    try communicator.state.time(.denseGradients) { try advance() }
  }

  /// Waits until the whole buffer is summed; everything must be ready.
  package func finish() throws {
    guard communicator.size > 1 else { return }
    precondition(ready == buckets.count, "\(ready) of \(buckets.count) buckets are ready")
    try communicator.state.time(.denseGradients) {
      while finished < ready {
        let before = finished
        var backoff = Backoff()
        while finished == before {
          try advance()
          if finished == before { try backoff.pause(communicator, on: buckets[before].channel) }
        }
      }
    }
  }

  private func advance() throws {
    for bucket in buckets[finished..<ready] { try bucket.advance(communicator) }
    while finished < ready, buckets[finished].isDone { finished += 1 }
  }
}
