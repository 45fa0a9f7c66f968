import Collectives
import Model
import Tensors

/// Brings rows of the sharded table together in the table's order, each run of rows to the rank that writes it, without waiting.
///
/// Two ranks, rank 0 wants rows 0..<3, rank 1 rows 3..<5 (even rows are rank 0's):
///
///     rank 0 sends [0 2 | 4], rank 1 sends [1 | 3]
///     rank 0 gets  [0 1 2],   rank 1 gets  [3 4]
final class RowGatherer {
  /// What travels: lines of one block of the table, live or copied.
  struct Lines {
    /// This rank's lines.
    let base: UnsafeMutableRawPointer
    /// Whose memory they are.
    let owner: AnyObject
    /// The bytes of one.
    let bytes: Int
    /// Which of them belong to a run of local rows.
    let ofLocalRows: (Range<Int>) -> Range<Int>
    /// How many of them the i-th row of this rank's run has.
    let count: (Int) -> Int
  }

  private let partition: RowPartition
  private let communicator: any Communicator
  private let exchange: Exchange
  private let incoming = NumberList<UInt8>()
  private var received = UnsafeRawBufferPointer(start: nil, count: 0)
  private var wanted = 0..<0
  private var lines: Lines?
  /// Where the next row of each owner stands.
  private var next: [Int] = []

  init(_ partition: RowPartition, communicator: any Communicator) {
    self.partition = partition
    self.communicator = communicator
    exchange = Exchange(ranks: communicator.size)
  }

  /// Sends the ranks their runs of rows; one at a time, and collective: `runs` are the same on every rank.
  func start(_ lines: Lines, _ runs: [Range<Int>]) throws {
    let (rank, size) = (communicator.rank, communicator.size)
    let sent = runs.map { run in
      let own = lines.ofLocalRows(partition.localRows(of: run, ownedBy: rank))
      return Segment(lines.base + own.lowerBound * lines.bytes, bytes: own.count * lines.bytes)
    }
    wanted = runs[rank]
    self.lines = lines
    // Alone, everything is in order where it is.
    guard size > 1 else {
      received = UnsafeRawBufferPointer(start: sent[0].base, count: sent[0].bytes)
      return
    }
    var bytesFrom = [Int](repeating: 0, count: size)
    for (index, row) in wanted.enumerated() { bytesFrom[partition.owner(of: row)] += lines.count(index) * lines.bytes }
    let memory = incoming.resize(to: bytesFrom.reduce(0, +))
    received = UnsafeRawBufferPointer(memory)
    next.removeAll(keepingCapacity: true)
    var start = 0
    for other in 0..<size {
      exchange.send[other] = sent[other]
      exchange.receive[other] = Segment(memory.baseAddress! + start, bytes: bytesFrom[other])
      next.append(start)
      start += bytesFrom[other]
    }
    try communicator.start(exchange, on: Channels.checkpoints, keeping: self)
  }

  /// This rank's rows, in order, once they are here; nil while they travel.
  ///
  /// - Parameter room: asked for memory of so many bytes to put them in order in; not asked when they need no ordering.
  func poll(_ room: (Int) -> UnsafeMutableRawPointer) throws -> UnsafeRawBufferPointer? {
    guard communicator.size > 1, let lines else { return received }
    guard try communicator.poll(Channels.checkpoints) else { return nil }
    let target = room(received.count)
    var end = target
    for (index, row) in wanted.enumerated() {
      let (owner, bytes) = (partition.owner(of: row), lines.count(index) * lines.bytes)
      guard bytes > 0, let base = received.baseAddress else { continue }
      end.copyMemory(from: base + next[owner], byteCount: bytes)
      next[owner] += bytes
      end += bytes
    }
    return UnsafeRawBufferPointer(start: target, count: received.count)
  }
}
