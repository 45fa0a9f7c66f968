import Glibc

/// Events in memory, to be sorted by user (as the data set stores users) and time, equal times in the order in which they came.
struct EventBuffer: ~Copyable {
  private(set) var count = 0
  private var capacity = 1 << 12
  private var records: UnsafeMutablePointer<EventRecord>

  init() { records = Self.allocate(capacity) }

  deinit { free(records) }

  /// Memory for events, which `free` gives back.
  ///
  /// The system's own function, because its counterpart `realloc` moves large blocks without copying them.
  static func allocate(_ count: Int) -> UnsafeMutablePointer<EventRecord> {
    guard let memory = malloc(max(1, count) * MemoryLayout<EventRecord>.stride) else {
      fatalError("no memory for \(count) events")
    }
    return memory.bindMemory(to: EventRecord.self, capacity: count)
  }

  /// The events; valid until the next change.
  var contents: UnsafeMutableBufferPointer<EventRecord> { UnsafeMutableBufferPointer(start: records, count: count) }

  @inline(__always)
  mutating func append(_ record: EventRecord) {
    if count == capacity { grow() }
    records[count] = record
    records[count].position = UInt32(truncatingIfNeeded: count)
    count += 1
  }

  /// Appends events behind those that are there.
  mutating func append(_ more: UnsafeBufferPointer<EventRecord>) {
    while count + more.count > capacity { grow() }
    for (index, record) in more.enumerated() {
      records[count + index] = record
      records[count + index].position = UInt32(truncatingIfNeeded: count + index)
    }
    count += more.count
  }

  mutating func removeAll() { count = 0 }

  /// Hands the memory over to the caller, who frees it.
  mutating func take() -> UnsafeMutableBufferPointer<EventRecord> {
    let taken = contents
    (count, capacity) = (0, 1 << 12)
    records = Self.allocate(capacity)
    return taken
  }

  /// Sorts by counting each user's events, dealing them out, and then sorting each user's by time where they are not in order yet.
  ///
  /// Needs as much memory again while it runs.
  ///
  /// - Parameter others: events of other buffers, which come behind those of this one and become its own.
  mutating func sort(_ users: UserTable, with others: [UnsafeMutableBufferPointer<EventRecord>] = []) {
    let parts = [contents] + others
    var indices = [Int](repeating: 0, count: users.count)
    for part in parts { for record in part { indices[Int(record.user)] += 1 } }
    var start = 0
    let order = users.inOrder()
    for user in order {
      let size = indices[Int(user)]
      indices[Int(user)] = start
      start += size
    }
    count = start
    let assigned = Self.allocate(count)
    var position: UInt32 = 0
    for part in parts {
      for var record in part {
        record.position = position
        assigned[indices[Int(record.user)]] = record
        indices[Int(record.user)] += 1
        position &+= 1
      }
    }
    free(records)
    (records, capacity) = (assigned, max(1, count))
    start = 0
    for user in order where indices[Int(user)] > start {
      EventBuffer.sortByTime(UnsafeMutableBufferPointer(rebasing: contents[start..<indices[Int(user)]]))
      start = indices[Int(user)]
    }
  }

  private static func sortByTime(_ events: UnsafeMutableBufferPointer<EventRecord>) {
    var isSorted = true
    for index in 1..<max(1, events.count) where events[index].time < events[index - 1].time { isSorted = false }
    if isSorted { return }
    var events = events
    events.sort { $0.time != $1.time ? $0.time < $1.time : $0.position < $1.position }
  }

  private mutating func grow() {
    capacity *= 2
    guard let larger = realloc(records, capacity * MemoryLayout<EventRecord>.stride) else {
      fatalError("no memory for \(capacity) events")
    }
    records = larger.bindMemory(to: EventRecord.self, capacity: capacity)
  }
}
