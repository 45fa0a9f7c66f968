#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A zeroed block of memory that owns its elements, aligned to 64 bytes.
///
/// What every long-lived buffer stands on: parameters, item rows, the workspace's chunks. Ours.
public final class Storage<Element: BitwiseCopyable> {
  /// The first element.
  public let base: UnsafeMutablePointer<Element>
  /// The number of elements.
  public let count: Int

  /// Allocates `count` zeroed elements; traps when the machine has no memory for them.
  public init(count: Int) {
    precondition(count >= 0, "storage of \(count) elements")
    let bytes = (max(count, 1) * MemoryLayout<Element>.stride + 63) & ~63
    // Fresh pages of a large block come zeroed from the system; only calloc knows, so it clears no page twice.
    guard let raw = calloc(bytes / 64 + 1, 64) else { preconditionFailure("no memory for \(bytes) bytes") }
    let aligned = UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: raw) + 63) & ~63)!
    allocation = raw
    base = aligned.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { free(allocation) }

  /// The elements.
  public var buffer: UnsafeMutableBufferPointer<Element> { UnsafeMutableBufferPointer(start: base, count: count) }

  private let allocation: UnsafeMutableRawPointer
}
