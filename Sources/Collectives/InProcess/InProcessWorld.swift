import Glibc
import Synchronization

/// The world of ranks that are threads of this process.
final class InProcessWorld: Sendable {
  /// What a rank publishes on a channel.
  final class Post: Sendable {
    let started = Atomic<Int>(0)
    let copied = Atomic<Int>(0)
    /// Written before `started` and not again before the `copied` of every rank that it is for.
    nonisolated(unsafe) var segments: UnsafeMutablePointer<Segment>?
  }

  /// What the others must know of a rank besides its posts.
  final class Member: Sendable {
    /// Whether it takes part in nothing any more.
    let hasEnded = Atomic<Bool>(false)
    /// Whether it is copying out of others' memory.
    let isCopying = Atomic<Bool>(false)
    /// Whether it has said that it waits, since it was last asked.
    let hasAnswered = Atomic<Bool>(false)
  }

  let ranks: Int
  private let posts: [Post]
  private let members: [Member]
  /// The rank that failed first, or -1.
  private let failure = Atomic<Int>(-1)

  init(ranks: Int) {
    precondition(ranks > 0, "\(ranks) ranks")
    self.ranks = ranks
    posts = (0..<(Channels.count * ranks)).map { _ in Post() }
    members = (0..<ranks).map { _ in Member() }
  }

  func post(_ channel: Int, _ rank: Int) -> Post { posts[channel * ranks + rank] }

  /// A rank's answer to who asks whether it waits: taken back by who asks, given by the rank.
  func setAnswer(of rank: Int, _ answer: Bool) { members[rank].hasAnswered.store(answer, ordering: .relaxed) }

  /// Whether a rank has answered since it was last asked.
  func hasAnswered(_ rank: Int) -> Bool { members[rank].hasAnswered.load(ordering: .relaxed) }

  /// Says that a rank takes part in nothing any more: it has failed, or it is done.
  func leave(_ rank: Int, failed: Bool) {
    if failed { fail(rank) }
    members[rank].hasEnded.store(true, ordering: .releasing)
  }

  /// Ends the world because of a rank: once this returns, nobody copies out of any rank's memory, now or later.
  ///
  /// A rank says that it copies before it looks whether the world is whole, and the failing rank says that it is not before it looks who
  /// copies. In one order of all four, which these orderings are, at least one of the two sees the other.
  func fail(_ rank: Int) {
    _ = failure.compareExchange(expected: -1, desired: rank, ordering: .sequentiallyConsistent)
    for (other, member) in members.enumerated() where other != rank {
      // As long as one copy in memory takes.
      while member.isCopying.load(ordering: .sequentiallyConsistent) { sched_yield() }
    }
  }

  /// Copies, on `rank`, out of the others' memory, unless any rank has failed: then it throws.
  func copy(for rank: Int, _ body: () -> Void) throws(PeerFailure) {
    let member = members[rank]
    member.isCopying.store(true, ordering: .sequentiallyConsistent)
    let failed = failure.load(ordering: .sequentiallyConsistent)
    if failed < 0 { body() }
    member.isCopying.store(false, ordering: .releasing)
    if failed >= 0 { try stop(rank, because: failed) }
  }

  /// Throws, on `rank`, when waiting for `other` is in vain: another rank has failed, or it has left and `isDone` is still false.
  ///
  /// `isDone` is asked after the end was seen: a rank that is done with its part may leave between two looks.
  func checkAlive(_ other: Int, for rank: Int, isDone: () -> Bool) throws(PeerFailure) {
    let failed = failure.load(ordering: .acquiring)
    if failed >= 0 { try stop(rank, because: failed) }
    if members[other].hasEnded.load(ordering: .acquiring) && !isDone() { try stop(rank, because: other) }
  }

  /// Ends a rank because of another.
  private func stop(_ rank: Int, because other: Int) throws(PeerFailure) {
    fail(rank)
    throw PeerFailure(rank: other)
  }
}
