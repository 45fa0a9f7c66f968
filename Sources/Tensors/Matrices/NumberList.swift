/// A growing list of numbers at a fixed place in memory between two appends: refilled every step, it soon allocates no more.
///
/// Ours: arrays would do, but a view of an array's memory does not outlive the closure that made it.
package final class NumberList<Element: BitwiseCopyable> {
  /// The number of elements.
  package private(set) var count = 0
  private var storage = Storage<Element>(count: 0)

  /// Makes an empty list.
  package init() {}

  /// The elements; valid until the next append.
  package var values: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: storage.base, count: count) }
  /// The first element; valid until the next append.
  package var base: UnsafePointer<Element> { UnsafePointer(storage.base) }

  /// The element at `index`.
  package subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count, "element \(index) of \(count)")
    return storage.base[index]
  }

  /// Forgets every element and keeps the memory.
  package func removeAll() { count = 0 }

  /// Makes room for `capacity` elements, so that a list of no more of them allocates nothing.
  package func reserve(_ capacity: Int) {
    guard capacity > storage.count else { return }
    let larger = Storage<Element>(count: capacity)
    larger.base.update(from: storage.base, count: count)
    storage = larger
  }

  /// Adds an element at the end.
  package func append(_ element: Element) {
    if count == storage.count { grow(to: count + 1) }
    storage.base[count] = element
    count += 1
  }

  /// Makes the list `count` long, for somebody to write into; elements beyond the old ones are unspecified.
  package func resize(to count: Int) -> UnsafeMutableBufferPointer<Element> {
    if count > storage.count { grow(to: count) }
    self.count = count
    return UnsafeMutableBufferPointer(start: storage.base, count: count)
  }

  /// Makes the list `count` longer and returns the new part, for somebody to write into; valid until the next append.
  package func extend(by count: Int) -> UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(rebasing: resize(to: self.count + count).suffix(count))
  }

  private func grow(to needed: Int) { reserve(max(1024, needed, 2 * storage.count)) }
}

/// A list of row numbers or item ids, owned elsewhere.
package typealias RowList = UnsafeBufferPointer<Int32>
