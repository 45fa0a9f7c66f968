import Files
import Glibc

/// All events, grouped by user as the data set stores users, each user's in time order: in memory, or mapped from a scratch file.
final class SortedEvents {
  /// Users with events, in storage order.
  private(set) var users: [UInt32]
  /// Where each user's events begin, one more than there are users.
  private(set) var starts: [Int]
  private let records: UnsafeMutableBufferPointer<EventRecord>
  private let scratch: ScratchFile?
  /// Mapped events that a pass keeps in memory behind it (ours: 24 MB).
  private static let window = 1 << 20

  /// Events in memory that this object frees (`EventBuffer.allocate`), or (with `scratch`) a mapping that the file owns.
  init(_ records: UnsafeMutableBufferPointer<EventRecord>, users: [UInt32], starts: [Int], scratch: ScratchFile? = nil) {
    precondition(starts.count == users.count + 1, "\(starts.count) starts for \(users.count) users")
    self.records = records
    self.users = users
    self.starts = starts
    self.scratch = scratch
  }

  deinit { if scratch == nil { free(records.baseAddress) } }

  var count: Int { starts[users.count] }

  /// One user's events, by place in `users`.
  subscript(index: Int) -> UnsafeMutableBufferPointer<EventRecord> {
    UnsafeMutableBufferPointer(rebasing: records[starts[index]..<starts[index + 1]])
  }

  /// Calls `body` with each place in `range`, letting go of mapped memory behind it so that a pass over a file needs little.
  func forEach(in range: Range<Int>, _ body: (Int, UnsafeMutableBufferPointer<EventRecord>) throws -> Void) rethrows {
    var released = starts[range.lowerBound]
    for index in range {
      try body(index, self[index])
      if scratch != nil && starts[index + 1] - released > SortedEvents.window { release(&released, to: starts[index + 1]) }
    }
    if scratch != nil { release(&released, to: starts[range.upperBound]) }
  }

  /// The same over all users.
  func forEach(_ body: (Int, UnsafeMutableBufferPointer<EventRecord>) throws -> Void) rethrows {
    try forEach(in: 0..<users.count, body)
  }

  /// Keeps the events whose item has a new number (not negative) and whose user is kept, and numbers their items anew.
  func compact(keepsUser: [Bool], itemNumbers: [Int32]) {
    var (kept, end) = (0, 0)
    var (keptUsers, keptStarts): ([UInt32], [Int]) = ([], [])
    forEach { index, events in
      guard keepsUser[index] else { return }
      keptUsers.append(users[index])
      keptStarts.append(end)
      for event in events where itemNumbers[Int(event.item)] >= 0 {
        records[end] = event
        records[end].item = UInt32(itemNumbers[Int(event.item)])
        end += 1
      }
      kept += 1
    }
    users = keptUsers
    starts = keptStarts + [end]
  }

  private func release(_ released: inout Int, to end: Int) {
    let stride = MemoryLayout<EventRecord>.stride
    scratch?.release(released * stride..<end * stride)
    released = end
  }
}
