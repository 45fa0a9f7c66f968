/// Work dealt out by rank 0, which alone reads and writes files, and its results taken back.
extension Communicator {
  /// Whether this rank reads and writes.
  public var isFirst: Bool { rank == 0 }

  /// Rank 0 gets every rank's numbers, one behind the other in rank order; the others get nothing.
  ///
  ///     rank 0 gives [a], rank 1 gives [b b]   →   rank 0 gets [a b b], rank 1 gets []
  public func gatherToFirst<Element: BitwiseCopyable>(_ own: [Element]) throws -> [Element] {
    try exchange([own] + Array(repeating: [], count: size - 1))
  }

  /// Rank r gets the r-th part of what rank 0 gives; the others' parts are not looked at.
  ///
  ///     rank 0 gives [[a], [b b]]   →   rank 0 gets [a], rank 1 gets [b b]
  public func scatterFromFirst<Element: BitwiseCopyable>(_ parts: [[Element]]) throws -> [Element] {
    try exchange(isFirst ? parts : Array(repeating: [], count: size))
  }

  private func exchange<Element: BitwiseCopyable>(_ parts: [[Element]]) throws -> [Element] {
    precondition(parts.count == size, "\(parts.count) parts for \(size) ranks")
    let counts = try exchangeCounts(parts.map(\.count))
    let total = counts.reduce(0, +)
    return try [Element](unsafeUninitializedCapacity: total) { received, count in
      try parts.flatMap { $0 }.withUnsafeBufferPointer { send in
        try allToAll(send, counts: parts.map(\.count), into: received, counts: counts)
      }
      count = total
    }
  }
}
