import Glibc
import Synchronization

/// The world of ranks that are threads of this process.
final class InProcessWorld: Sendable {
  /// What a rank publishes on a channel.
  final class Post: Sendable {
    let started = Atomic<Int>(0)
    let copied = Atomic<Int>(0)
    /// Written before `started` and not again before every rank's `copied`.
    nonisolated(unsafe) var segments: UnsafeMutablePointer<Segment>?
  }

  /// Whether a rank takes part in nothing any more.
  final class End: Sendable {
    let hasCome = Atomic<Bool>(false)
  }

  let ranks: Int

  init(ranks: Int) {
    precondition(ranks > 0, "\(ranks) ranks")
    self.ranks = ranks
    posts = (0..<(Channels.count * ranks)).map { _ in Post() }
    ends = (0..<ranks).map { _ in End() }
  }

  func post(_ channel: Int, _ rank: Int) -> Post { posts[channel * ranks + rank] }

  /// Says that a rank takes part in nothing any more: it has failed, or it is done.
  func leave(_ rank: Int, failed: Bool) {
    if failed { _ = failure.compareExchange(expected: -1, desired: rank, ordering: .acquiringAndReleasing) }
    ends[rank].hasCome.store(true, ordering: .releasing)
  }

  /// Throws, on `rank`, when any rank has failed.
  func checkWhole(for rank: Int) throws(PeerFailure) {
    let failed = failure.load(ordering: .acquiring)
    if failed >= 0 { try stop(rank, because: failed) }
  }

  /// Throws, on `rank`, when waiting for `other` is in vain: another rank has failed, or it has left and `isDone` is still false.
  ///
  /// `isDone` is asked after the end was seen: a rank that is done with its part may leave between two looks.
  func checkAlive(_ other: Int, for rank: Int, isDone: () -> Bool) throws(PeerFailure) {
    try checkWhole(for: rank)
    if ends[other].hasCome.load(ordering: .acquiring) && !isDone() { try stop(rank, because: other) }
  }

  /// Ends a rank because of another.
  ///
  /// It waits a while for the others to end as well: they may be copying out of memory that this rank frees when it throws.
  private func stop(_ rank: Int, because other: Int) throws(PeerFailure) {
    leave(rank, failed: true)
    var looks = 0
    while looks < 50_000, ends.contains(where: { !$0.hasCome.load(ordering: .acquiring) }) {
      looks += 1
      usleep(100)
    }
    throw PeerFailure(rank: other)
  }

  private let posts: [Post]
  private let ends: [End]
  /// The rank that failed first, or -1.
  private let failure = Atomic<Int>(-1)
}
