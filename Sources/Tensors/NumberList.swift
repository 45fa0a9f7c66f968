/// A growing list of numbers at a fixed place in memory between two appends: refilled every step, it soon allocates no more.
///
/// Ours: arrays would do, but a view of an array's memory does not outlive the closure that made it.
public final class NumberList<Element: BitwiseCopyable> {
  /// The number of elements.
  public private(set) var count = 0

  /// Makes an empty list.
  public init() {}

  /// The elements; valid until the next append.
  public var values: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: storage.base, count: count) }
  /// The first element; valid until the next append.
  public var base: UnsafePointer<Element> { UnsafePointer(storage.base) }

  /// The element at `index`.
  public subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count, "element \(index) of \(count)")
    return storage.base[index]
  }

  /// Forgets every element and keeps the memory.
  public func removeAll() { count = 0 }

  /// Adds an element at the end.
  public func append(_ element: Element) {
    if count == storage.count {
      let larger = Storage<Element>(count: max(1024, 2 * storage.count))
      larger.base.update(from: storage.base, count: count)
      storage = larger
    }
    storage.base[count] = element
    count += 1
  }

  private var storage = Storage<Element>(count: 0)
}
