/// A piece of memory that goes to, or comes from, one rank.
package struct Segment {
  /// Where it starts; nil when it is empty.
  package let base: UnsafeMutableRawPointer?
  /// How long it is.
  package let bytes: Int

  /// Names a piece of memory.
  package init(_ base: UnsafeMutableRawPointer?, bytes: Int) {
    precondition(bytes == 0 || base != nil, "\(bytes) bytes at no address")
    self.base = base
    self.bytes = bytes
  }

  /// Nothing.
  package static var empty: Segment { Segment(nil, bytes: 0) }
}

/// What goes to and what comes from each rank in one exchange; made once, filled again for each.
package final class Exchange {
  /// `send[q]` goes to rank q.
  package let send: UnsafeMutableBufferPointer<Segment>
  /// `receive[q]` comes from rank q: as many bytes as q sends.
  package let receive: UnsafeMutableBufferPointer<Segment>

  /// What all ranks know of each other's segments before they come; the same on every rank.
  package enum Pattern: Sendable {
    /// Only the two ranks that exchange a segment know how long it is.
    case any
    /// A rank gets segments of one length from all ranks, and every rank knows that length.
    case evenLengths
    /// Each rank sends all the same segment, and every rank knows the length of every rank's.
    case oneForAll
  }
  /// What is known: it saves messages where ranks send by host.
  package var pattern = Pattern.any
  /// With which ranks it is, for an exchange that is not with all; messages to the others are not sent, not even empty ones.
  private(set) var peers: (to: [Int], from: [Int])?

  /// Makes an exchange of empty segments, with all ranks.
  package init(ranks: Int) {
    send = .allocate(capacity: ranks)
    receive = .allocate(capacity: ranks)
    send.initialize(repeating: .empty)
    receive.initialize(repeating: .empty)
  }

  /// Makes an exchange with no rank yet.
  convenience init(ranks: Int, isPartial: Bool) {
    self.init(ranks: ranks)
    guard isPartial else { return }
    var empty: [Int] = []
    empty.reserveCapacity(ranks)
    peers = (empty, empty)
  }

  /// Takes away all ranks that were added.
  func forgetPeers() {
    peers?.to.removeAll(keepingCapacity: true)
    peers?.from.removeAll(keepingCapacity: true)
  }

  /// Adds a rank that gets a segment; it adds this one to those that it receives from.
  func add(to rank: Int, _ segment: Segment) {
    send[rank] = segment
    peers?.to.append(rank)
  }

  /// Adds a rank that a segment comes from.
  func add(from rank: Int, _ segment: Segment) {
    receive[rank] = segment
    peers?.from.append(rank)
  }

  deinit {
    send.deallocate()
    receive.deallocate()
  }

  /// Cuts two buffers into segments of the given counts of `each` elements, rank after rank.
  func cut<Element: BitwiseCopyable>(
    _ source: UnsafeBufferPointer<Element>, counts sendCounts: some Collection<Int>,
    into target: UnsafeMutableBufferPointer<Element>, counts receiveCounts: some Collection<Int>, each: Int,
    pattern: Pattern
  ) {
    self.pattern = pattern
    Self.cut(UnsafeMutableBufferPointer(mutating: source), sendCounts, each, send)
    Self.cut(target, receiveCounts, each, receive)
  }

  /// Sends the same elements to every rank, and receives each rank's behind the one before.
  func spread<Element: BitwiseCopyable>(
    _ source: UnsafeBufferPointer<Element>, into target: UnsafeMutableBufferPointer<Element>, counts: some Collection<Int>,
    each: Int
  ) {
    pattern = .oneForAll
    let all = Segment(UnsafeMutableRawPointer(mutating: source.baseAddress), bytes: source.count * MemoryLayout<Element>.stride)
    for rank in send.indices { send[rank] = all }
    Self.cut(target, counts, each, receive)
  }

  private static func cut<Element>(
    _ buffer: UnsafeMutableBufferPointer<Element>, _ counts: some Collection<Int>, _ each: Int,
    _ segments: UnsafeMutableBufferPointer<Segment>
  ) {
    precondition(each > 0, "rows of \(each) elements")
    precondition(counts.count == segments.count, "counts of \(counts.count) ranks among \(segments.count)")
    var start = 0
    for (rank, rows) in counts.enumerated() {
      let count = rows * each
      precondition(count >= 0 && start + count <= buffer.count, "\(start) + \(count) elements in a buffer of \(buffer.count)")
      segments[rank] = Segment(
        buffer.baseAddress.map { UnsafeMutableRawPointer($0 + start) }, bytes: count * MemoryLayout<Element>.stride)
      start += count
    }
  }
}
