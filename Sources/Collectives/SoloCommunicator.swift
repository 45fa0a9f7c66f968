/// A world of one rank: every collective is a copy or nothing at all.
public final class SoloCommunicator: Communicator {
  /// Always 0.
  public let rank = 0
  /// Always 1.
  public let size = 1

  /// Makes the world of one.
  public init() {}

  /// The sum over one rank is there already.
  public func allReduce(_ values: UnsafeMutableBufferPointer<Float>) {}

  /// The sum over one rank is there already.
  public func allReduce(_ values: UnsafeMutableBufferPointer<Double>) {}

  /// Copies the one segment.
  public func allToAll<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, counts sendCounts: [Int], into receive: UnsafeMutableBufferPointer<Element>,
    counts receiveCounts: [Int]
  ) {
    precondition(
      sendCounts == receiveCounts && sendCounts.count == 1, "counts \(sendCounts) against \(receiveCounts) on one rank")
    copy(send, into: receive, count: sendCounts[0])
  }

  /// Copies the one segment.
  public func allGather<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, into receive: UnsafeMutableBufferPointer<Element>, counts: [Int]
  ) {
    precondition(counts.count == 1, "counts \(counts) on one rank")
    copy(send, into: receive, count: counts[0])
  }

  /// Copies the one segment.
  public func reduceScatter(
    _ values: UnsafeBufferPointer<Float>, counts: [Int], into receive: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(counts.count == 1, "counts \(counts) on one rank")
    copy(values, into: receive, count: counts[0])
  }

  /// Nobody to wait for.
  public func barrier() {}

  private func copy<Element: BitwiseCopyable>(
    _ source: UnsafeBufferPointer<Element>, into target: UnsafeMutableBufferPointer<Element>, count: Int
  ) {
    precondition(source.count >= count && target.count >= count, "\(count) elements of \(source.count) into \(target.count)")
    guard count > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
    to.update(from: from, count: count)
  }
}
