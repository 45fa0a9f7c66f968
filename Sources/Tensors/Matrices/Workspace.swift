/// Scratch memory for one rank's step: taken piece by piece, given back all at once.
///
/// Who knows how much a step takes reserves it at the start, as one block; where a step takes more, or nobody knows, it grows, and
/// once the largest step has been seen it allocates nothing more. Pieces are aligned to 64 bytes and hold whatever the last user left
/// there; in debug builds, what was given back holds numbers that are none (`poison`). Belongs to one thread. Ours: a step's lifetimes
/// are nested, so a stack is all the allocator that it needs.
package final class Workspace {
  /// A place in the workspace to return to.
  package struct Mark {
    fileprivate let chunk: Int
    fileprivate let used: Int
    fileprivate let taken: Int
  }

  /// What debug builds write over memory that is given back: a signaling NaN, so that a view that outlives its scope, or a piece
  /// that is read before it is written, gives no plausible number.
  package static let poison: UInt32 = 0x7FA0_DEAD

  /// The most bytes that were taken at one time.
  package private(set) var peak = 0
  /// How many blocks were allocated because what was there did not do.
  package private(set) var growths = 0
  private let chunkBytes: Int
  private var chunks: [Storage<UInt8>] = []
  private var current = 0
  private var used = 0
  private var taken = 0

  /// Makes an empty workspace; blocks that it grows by hold at least `chunkBytes`.
  package init(chunkBytes: Int = 64 << 20) {
    self.chunkBytes = chunkBytes
  }

  /// The bytes held now, used or not.
  package var capacity: Int { chunks.reduce(0) { $0 + $1.count } }

  /// Has room for `bytes` in one block from now on; nothing may be taken.
  ///
  /// The block is fresh memory of the system, in large pages where it grants them; what is never taken is never touched.
  package func reserve(_ bytes: Int) {
    precondition(current == 0 && used == 0, "a workspace in use is reserved")
    guard bytes > (chunks.first?.count ?? 0) else { return }
    chunks = [Storage(count: bytes)]
  }

  /// Takes `count` elements, with unspecified contents.
  package func take<Element: BitwiseCopyable>(_ type: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
    let bytes = (count * MemoryLayout<Element>.stride + 63) & ~63
    while current < chunks.count, used + bytes > chunks[current].count {
      current += 1
      used = 0
    }
    if current == chunks.count {
      chunks.append(Storage(count: max(bytes, chunkBytes)))
      growths += 1
    }
    taken += bytes
    peak = max(peak, taken)
    defer { used += bytes }
    return UnsafeMutableRawPointer(chunks[current].base + used).bindMemory(to: Element.self, capacity: count)
  }

  /// Takes a matrix `[rows, columns]` with unspecified contents.
  package func matrix(_ rows: Int, _ columns: Int) -> Matrix {
    Matrix(take(Float.self, rows * columns), rows: rows, columns: columns)
  }

  /// Takes a matrix `[rows, columns]` of zeros.
  package func zeros(_ rows: Int, _ columns: Int) -> Matrix {
    let matrix = matrix(rows, columns)
    matrix.clear()
    return matrix
  }

  /// Takes a vector with unspecified contents.
  package func vector(_ count: Int) -> Vector { Vector(take(Float.self, count), count: count) }

  /// The present place, for `release(to:)`.
  package var mark: Mark { Mark(chunk: current, used: used, taken: taken) }

  /// Gives back everything taken since `mark`; debug builds poison it.
  package func release(to mark: Mark) {
    assert(poisonAll(since: mark))
    current = mark.chunk
    used = mark.used
    taken = mark.taken
  }

  /// Writes `poison` over what was taken since `mark`; true, for an `assert`.
  private func poisonAll(since mark: Mark) -> Bool {
    for index in mark.chunk..<max(current + 1, mark.chunk) where index < chunks.count {
      let start = index == mark.chunk ? mark.used : 0
      let end = index == current ? used : chunks[index].count
      guard start < end else { continue }
      UnsafeMutableRawPointer(chunks[index].base + start).withMemoryRebound(to: UInt32.self, capacity: (end - start) / 4) {
        $0.update(repeating: Self.poison, count: (end - start) / 4)
      }
    }
    return true
  }

  /// Runs `body` and gives back what it took.
  package func scope<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = mark
    defer { release(to: start) }
    return try body()
  }
}
