/// What ranks say to each other: the one door between the training step and the world.
///
/// Three carriers keep this contract: one rank alone, ranks that are threads, ranks that are MPI processes. Everything
/// above sees only ranks. Every call is collective: all ranks make it, in the same order, with counts that fit each
/// other. Sums are formed in rank order, so that a run repeats bit by bit. docs/distributed.md, "Ranks".
public protocol Communicator: AnyObject {
  /// This rank, from 0.
  var rank: Int { get }
  /// How many ranks take part.
  var size: Int { get }

  /// `values` becomes the sum over the ranks, on every rank.
  ///
  ///     rank 0 holds [1, 2], rank 1 holds [10, 20]   →   both hold [11, 22]
  func allReduce(_ values: UnsafeMutableBufferPointer<Float>) throws

  /// The same for doubles: counts and losses.
  func allReduce(_ values: UnsafeMutableBufferPointer<Double>) throws

  /// Rank r's `send` segment for rank q becomes q's `receive` segment from r; counts are in elements.
  ///
  ///     rank 0 sends [a | b b], rank 1 sends [c c | d]
  ///     rank 0 gets  [a | c c], rank 1 gets  [b b | d]
  func allToAll<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, counts sendCounts: [Int], into receive: UnsafeMutableBufferPointer<Element>,
    counts receiveCounts: [Int]) throws

  /// Every rank gets all ranks' `send`, one behind the other in rank order.
  ///
  ///     rank 0 sends [a], rank 1 sends [b b]   →   both get [a | b b], counts [1, 2]
  func allGather<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, into receive: UnsafeMutableBufferPointer<Element>, counts: [Int]) throws

  /// Every rank gives values for all; rank r gets the sum of the ranks' r-th segments.
  ///
  ///     rank 0 gives [1 | 2 3], rank 1 gives [10 | 20 30], counts [1, 2]
  ///     rank 0 gets  [11],      rank 1 gets  [22 33]
  func reduceScatter(
    _ values: UnsafeBufferPointer<Float>, counts: [Int], into receive: UnsafeMutableBufferPointer<Float>) throws

  /// Returns once every rank has called it.
  func barrier() throws
}

extension Communicator {
  /// Sums a few doubles over the ranks.
  public func sum(_ values: [Double]) throws -> [Double] {
    var sums = values
    try sums.withUnsafeMutableBufferPointer { try allReduce($0) }
    return sums
  }

  /// Tells every rank how many elements each rank will send it: `counts[q]` go to rank q.
  public func exchangeCounts(_ counts: [Int]) throws -> [Int] {
    let ones = [Int](repeating: 1, count: size)
    var received = [Int](repeating: 0, count: size)
    try counts.withUnsafeBufferPointer { send in
      try received.withUnsafeMutableBufferPointer { try allToAll(send, counts: ones, into: $0, counts: ones) }
    }
    return received
  }

  /// Tells every rank one number of each rank, in rank order.
  public func gatherCounts(_ count: Int) throws -> [Int] {
    try exchangeCounts([Int](repeating: count, count: size))
  }
}
