import Host

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A zeroed block of memory that owns its elements, aligned to 64 bytes.
///
/// What every long-lived buffer stands on: parameters, item rows, the workspace's chunks. Ours.
package final class Storage<Element: BitwiseCopyable> {
  /// The first element.
  package let base: UnsafeMutablePointer<Element>
  /// The number of elements.
  package let count: Int
  private let allocation: UnsafeMutableRawPointer

  /// Allocates `count` zeroed elements; ends the process with a sentence when there is no memory for them (`Memory`).
  package init(count: Int) {
    precondition(count >= 0, "storage of \(count) elements")
    let bytes = (max(count, 1) * MemoryLayout<Element>.stride + 63) & ~63
    // A cache line more, so that the block can begin at one.
    let raw = Memory.zeroed(bytes: bytes)
    let aligned = UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: raw) + 63) & ~63)!
    Self.preferLargePages(raw, bytes)
    allocation = raw
    base = aligned.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  /// Asks the system for 2 MiB pages below a large block.
  ///
  /// A table of gigabytes is read an item here and an item there: with 4 KiB pages almost every item is a miss of the address
  /// cache (docs/benchmarks/speed.md). A wish, not a need: where the system refuses, all works as before.
  private static func preferLargePages(_ raw: UnsafeMutableRawPointer, _ bytes: Int) {
    let large = 2 << 20
    let start = (UInt(bitPattern: raw) + UInt(large - 1)) & ~UInt(large - 1)
    let end = (UInt(bitPattern: raw) + UInt(bytes)) & ~UInt(large - 1)
    guard bytes >= 2 * large, end > start else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_HUGEPAGE)
  }

  /// Has the system put pages below the block now instead of at the first touch; what stands there stays.
  ///
  /// May be done on another thread while the block is used. Systems before Linux 5.14 do nothing.
  package func populate() {
    let page = UInt(getpagesize())
    let start = (UInt(bitPattern: base) + page - 1) & ~(page - 1)
    let end = (UInt(bitPattern: base) + UInt(count * MemoryLayout<Element>.stride)) & ~(page - 1)
    // MADV_POPULATE_WRITE, which older headers lack.
    if end > start { madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), 23) }
  }

  /// Gives the memory of these elements back to the system, as whole pages; where it did, zeros stand there afterwards.
  package func discard(_ range: Range<Int>) {
    let (page, stride) = (UInt(getpagesize()), UInt(MemoryLayout<Element>.stride))
    let start = (UInt(bitPattern: base) + UInt(range.lowerBound) * stride + page - 1) & ~(page - 1)
    let end = (UInt(bitPattern: base) + UInt(range.upperBound) * stride) & ~(page - 1)
    if end > start { madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED) }
  }

  deinit { free(allocation) }

  /// The elements.
  package var buffer: UnsafeMutableBufferPointer<Element> { UnsafeMutableBufferPointer(start: base, count: count) }
}
