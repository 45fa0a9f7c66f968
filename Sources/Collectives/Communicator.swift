/// What ranks say to each other: the one door between the training step and the world.
///
/// Three backends keep this contract: one rank alone, ranks that are threads, ranks that are MPI processes. Everything
/// above sees only ranks.
///
/// A backend can do one thing: exchange segments of memory between all ranks, without blocking, on numbered channels.
/// Every collective is built from that one thing in `Communicator+Collectives.swift`, with sums in rank order. Ours: so all
/// backends give the same bits, a run repeats bit for bit, counts are 64 bits wide everywhere, and each new backend is two
/// functions. docs/distributed.md, "Ranks".
package protocol Communicator: AnyObject {
  /// This rank, from 0.
  var rank: Int { get }
  /// How many ranks take part.
  var size: Int { get }
  /// What carries the messages, for people: `solo`, `threads`, `Open MPI 4.1.4`.
  var backend: String { get }
  /// What this rank has sent and how long it has waited, and the memory that collectives work in.
  var state: CollectiveState { get }

  /// Starts to exchange segments with every rank: `exchange.send[q]` goes to rank q, `exchange.receive[q]` comes from it.
  ///
  /// Every rank starts the same exchanges on a channel, in the same order, one at a time; channels are independent of each
  /// other. Segments and memory must stay as they are until `poll` says that the exchange is done.
  ///
  ///     rank 0 sends [a | b b], rank 1 sends [c c | d]
  ///     rank 0 gets  [a | c c], rank 1 gets  [b b | d]
  ///
  /// - Parameter owner: whose memory the segments are. It is held until the exchange is done, and when a rank fails before that, until
  ///   no rank can touch the memory any more: a rank that throws frees nothing that others still copy.
  func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) throws

  /// Moves this rank's exchanges on, and says whether the channel's is done.
  ///
  /// True when nothing was started. Throws when another rank has failed.
  func poll(_ channel: Int) throws -> Bool

  /// Gives up waiting: the ranks whose part the channel's exchange still lacks, and that do not say that they wait themselves (`RollCall`).
  ///
  /// To be asked again while there are none. When there are any, this rank is about to fail, and those that come after all must not
  /// touch its memory.
  func giveUp(on channel: Int) -> [Int]

  /// Tells ranks that are about to give this one up that it waits, as they do; for who waits, now and then.
  func answerRollCall()

  /// Takes this rank out of the world because it fails: once this returns, no other rank reads memory that it has given to an
  /// exchange, and nothing is written into it.
  ///
  /// What MPI has been given to send cannot be called back: the job must end.
  func withdraw()
}

/// The channels that are spoken for.
package enum Channels {
  /// Blocking collectives.
  package static let collectives = 0
  /// The next step's row numbers.
  package static let prefetch = 1
  /// Rows on their way into a checkpoint's files.
  package static let checkpoints = 2
  /// How ranks fare that work without a word to each other (`FailureWatch`).
  package static let failures = 3
  /// Dense gradients: two for each bucket, from here on.
  package static let buckets = 4
  /// How many there are.
  package static let count = 132
  /// Of notes without a content, which are no exchange: whether a rank waits, and that it does.
  static let (question, answer) = (count, count + 1)
}

extension Communicator {
  /// Nobody asks where nobody can be given up.
  package func answerRollCall() {}
}

/// Work assigned by rank 0, which alone reads and writes files, and its results taken back.
extension Communicator {
  /// Whether this rank reads and writes.
  package var isFirst: Bool { rank == 0 }

  /// Rank 0 gets every rank's numbers, one behind the other in rank order; the others get nothing.
  ///
  ///     rank 0 gives [a], rank 1 gives [b b]   →   rank 0 gets [a b b], rank 1 gets []
  package func gatherToFirst<Element: BitwiseCopyable>(_ own: [Element]) throws -> [Element] {
    try exchange([own] + Array(repeating: [], count: size - 1))
  }

  /// Rank r gets the r-th part of what rank 0 gives; the others' parts are not looked at.
  ///
  ///     rank 0 gives [[a], [b b]]   →   rank 0 gets [a], rank 1 gets [b b]
  package func scatterFromFirst<Element: BitwiseCopyable>(_ parts: [[Element]]) throws -> [Element] {
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
