import Files

/// Keeps events in the order in which they come, in bounded memory: what a rank has read and not sent on yet.
///
/// When the buffer is full it is appended to a scratch file.
final class EventLog: EventStore {
  private let folder: String
  private let capacity: Int
  private var buffer = EventBuffer()
  private var scratch: ScratchFile?
  /// Events that `take` has handed out.
  private var taken = 0
  /// Where events lie that `take` has read back.
  private var block: UnsafeMutableBufferPointer<EventRecord>?

  /// `memory` is in bytes; the scratch file goes into `folder`.
  init(folder: String, memory: Int) {
    self.folder = folder
    capacity = max(1, memory / MemoryLayout<EventRecord>.stride)
  }

  deinit { block?.deallocate() }

  /// All events that were appended.
  var count: Int { spilled + buffer.count }

  private var spilled: Int { (scratch?.size ?? 0) / MemoryLayout<EventRecord>.stride }

  func append(_ record: EventRecord) throws {
    if buffer.count >= capacity {
      let file = try scratch ?? ScratchFile(folder: folder)
      scratch = file
      try file.append(UnsafeRawBufferPointer(buffer.contents))
      buffer.removeAll()
    }
    buffer.append(record)
  }

  /// The next events, at most so many of them; none at the end.
  ///
  /// Valid until the next call; `most` is the same in all calls. Throws `InputError` when the disk fails.
  func take(_ most: Int) throws -> UnsafeBufferPointer<EventRecord> {
    defer { taken = min(count, taken + most) }
    guard let scratch, taken < spilled else {
      let start = taken - spilled
      return UnsafeBufferPointer(rebasing: buffer.contents[start..<min(buffer.count, start + most)])
    }
    let block = self.block ?? .allocate(capacity: most)
    self.block = block
    let old = min(most, spilled - taken)
    let bytes = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: block[..<old]))
    try scratch.read(into: bytes, at: taken * MemoryLayout<EventRecord>.stride)
    let new = min(most - old, buffer.count)
    for index in 0..<new { block[old + index] = buffer.contents[index] }
    return UnsafeBufferPointer(rebasing: block[..<(old + new)])
  }
}
