import Files

/// Merges sorted runs of a scratch file: a binary heap of run cursors, each with a window of its run in memory.
struct RunMerger {
  private struct Cursor {
    var window: UnsafeMutableBufferPointer<EventRecord>
    var index = 0
    var filled = 0
    /// The bytes of the run that are not in the window yet.
    var rest: Range<Int>
    var user: UInt64 = 0
    var time: Int64 = 0
  }

  private let file: ScratchFile
  private let users: UserTable
  private let windows: UnsafeMutableBufferPointer<EventRecord>
  private let owner: Owner
  private var cursors: [Cursor] = []
  /// Numbers of the runs that still have events; the smallest event's run is first.
  private var heap: [Int] = []

  /// `memory` bytes are shared out as windows, at least 64 events each.
  init(_ file: ScratchFile, _ runs: [Range<Int>], _ users: UserTable, memory: Int) throws {
    self.file = file
    self.users = users
    let size = max(64, memory / MemoryLayout<EventRecord>.stride / max(1, runs.count))
    windows = .allocate(capacity: size * runs.count)
    owner = Owner(windows)
    for (number, run) in runs.enumerated() {
      cursors.append(
        Cursor(window: UnsafeMutableBufferPointer(rebasing: windows[number * size..<(number + 1) * size]), rest: run))
      if try load(number) { heap.append(number) }
    }
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
  }

  /// The smallest event by user, time and run, or nil at the end.
  mutating func next() throws -> EventRecord? {
    guard let run = heap.first else { return nil }
    let record = cursors[run].window[cursors[run].index]
    cursors[run].index += 1
    if try !load(run) {
      heap.swapAt(0, heap.count - 1)
      heap.removeLast()
    }
    siftDown(0)
    return record
  }

  /// Makes sure that the run's current event is in its window and notes its key; false at the run's end.
  private mutating func load(_ run: Int) throws -> Bool {
    if cursors[run].index == cursors[run].filled {
      let bytes = UnsafeMutableRawBufferPointer(cursors[run].window)
      let count = min(bytes.count, cursors[run].rest.count)
      guard count > 0 else { return false }
      try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]), at: cursors[run].rest.lowerBound)
      cursors[run].rest = cursors[run].rest.dropFirst(count)
      cursors[run].filled = count / MemoryLayout<EventRecord>.stride
      cursors[run].index = 0
    }
    let record = cursors[run].window[cursors[run].index]
    cursors[run].user = users.sortKey(record.user)
    cursors[run].time = record.time
    return true
  }

  private func isBefore(_ left: Int, _ right: Int) -> Bool {
    if cursors[left].user != cursors[right].user { return cursors[left].user < cursors[right].user }
    if cursors[left].time != cursors[right].time { return cursors[left].time < cursors[right].time }
    return left < right
  }

  private mutating func siftDown(_ start: Int) {
    var index = start
    while true {
      let (left, right) = (2 * index + 1, 2 * index + 2)
      var least = index
      if left < heap.count && isBefore(heap[left], heap[least]) { least = left }
      if right < heap.count && isBefore(heap[right], heap[least]) { least = right }
      if least == index { return }
      heap.swapAt(index, least)
      index = least
    }
  }

  private final class Owner {
    let windows: UnsafeMutableBufferPointer<EventRecord>
    init(_ windows: UnsafeMutableBufferPointer<EventRecord>) { self.windows = windows }
    deinit { windows.deallocate() }
  }
}
