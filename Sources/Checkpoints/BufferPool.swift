import Synchronization
import Tensors

/// A few pieces of memory that a rank fills and a file queue gives back.
final class BufferPool: @unchecked Sendable {
  // Unchecked: a piece belongs to the rank from `take` until it is queued, then to the queue until `give`.
  private let storages: [NumberList<UInt8>]
  private let free: Mutex<[Int]>

  init(count: Int) {
    storages = (0..<count).map { _ in NumberList() }
    free = Mutex(Array(0..<count))
  }

  var hasFree: Bool { free.withLock { !$0.isEmpty } }

  /// A free piece, grown to so many bytes; there must be one.
  func take(_ bytes: Int) -> (number: Int, memory: UnsafeMutableRawPointer) {
    guard let number = free.withLock({ $0.popLast() }) else { preconditionFailure("no buffer is free") }
    guard let memory = storages[number].resize(to: max(bytes, 1)).baseAddress else { preconditionFailure("no memory") }
    return (number, UnsafeMutableRawPointer(memory))
  }

  func give(_ number: Int) { free.withLock { $0.append(number) } }
}
