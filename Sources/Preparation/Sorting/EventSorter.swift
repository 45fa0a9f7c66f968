import Files

/// Takes events in file order and gives them back grouped by user and ordered by time, in bounded memory.
///
/// When the buffers are full they are sorted and appended to a scratch file as runs; in the end the runs are merged. The result is the same
/// whatever the budget: runs hold consecutive events, so equal keys stay in file order when earlier runs win.
///
/// Events may come in several lanes at the same time, one for each rank that reads: those of a lane stand in the files before those of
/// the next lane.
final class EventSorter: EventStore {
  private let users: UserTable
  private let folder: String
  private let capacity: Int
  private let lanes: [Lane]
  /// Events in all lanes.
  private var held = 0
  private var scratch: ScratchFile?

  /// The events that came in a lane: those in memory, and the runs of those that were spilled.
  private final class Lane {
    var buffer = EventBuffer()
    var runs: [Range<Int>] = []
  }

  /// `memory` is in bytes; half of it is for the buffers and half for sorting them.
  ///
  /// The scratch file goes into `folder`.
  init(users: UserTable, folder: String, memory: Int, lanes: Int = 1) {
    self.users = users
    self.folder = folder
    self.lanes = (0..<lanes).map { _ in Lane() }
    capacity = min(max(1, memory / 2 / MemoryLayout<EventRecord>.stride), Int(UInt32.max))
  }

  /// The number of runs spilled so far.
  var runCount: Int { lanes.reduce(0) { $0 + $1.runs.count } }

  func append(_ record: EventRecord) throws {
    try makeRoom()
    lanes[0].buffer.append(record)
    held += 1
  }

  /// Appends events that come behind all of the lane's.
  func append(_ records: UnsafeBufferPointer<EventRecord>, lane: Int) throws {
    var rest = records[...]
    while !rest.isEmpty {
      try makeRoom()
      let part = rest.prefix(max(1, roomForEvents - held))
      lanes[lane].buffer.append(UnsafeBufferPointer(rebasing: part))
      held += part.count
      rest = rest.dropFirst(part.count)
    }
  }

  @inline(__always)
  private func makeRoom() throws {
    if held >= roomForEvents { try spill() }
  }

  /// A run smaller than the users' own tables would cost more in passes over these tables than it saves.
  private var roomForEvents: Int { max(capacity, users.count / 2) }

  /// Sorts everything, applies `rules` to each user's events and returns the rest.
  ///
  /// The sorter is empty afterwards.
  func finish(_ rules: inout UserEventRules) throws -> SortedEvents {
    guard scratch != nil else {
      lanes[0].buffer.sort(users, with: lanes.dropFirst().map { $0.buffer.contents })
      for lane in lanes.dropFirst() { lane.buffer = EventBuffer() }
      return finishInMemory(&rules)
    }
    if held > 0 { try spill() }
    for lane in lanes { lane.buffer = EventBuffer() }
    return try merge(&rules)
  }

  private func spill() throws {
    let file = try scratch ?? ScratchFile(folder: folder)
    scratch = file
    for lane in lanes where lane.buffer.count > 0 {
      lane.buffer.sort(users)
      let start = file.size
      try file.append(UnsafeRawBufferPointer(lane.buffer.contents))
      lane.runs.append(start..<file.size)
      // With several, one that gets nothing more would keep what it had room for.
      if lanes.count == 1 { lane.buffer.removeAll() } else { lane.buffer = EventBuffer() }
    }
    held = 0
  }

  private func finishInMemory(_ rules: inout UserEventRules) -> SortedEvents {
    let records = lanes[0].buffer.take()
    held = 0
    var (order, starts): ([UInt32], [Int]) = ([], [])
    var (start, end) = (0, 0)
    while start < records.count {
      var next = start + 1
      while next < records.count && records[next].user == records[start].user { next += 1 }
      let user = records[start].user
      let group = UnsafeMutableBufferPointer(rebasing: records[start..<next])
      let kept = rules.apply(to: group, userID: users[Int(user)])
      order.append(user)
      starts.append(end)
      for index in 0..<kept { records[end + index] = group[index] }
      end += kept
      start = next
    }
    return SortedEvents(records, users: order, starts: starts + [end])
  }

  private func merge(_ rules: inout UserEventRules) throws -> SortedEvents {
    guard let scratch else { preconditionFailure("nothing was spilled") }
    let merged = try ScratchFile(folder: folder)
    let runs = lanes.flatMap(\.runs)
    var merger = try RunMerger(scratch, runs, users, memory: capacity * MemoryLayout<EventRecord>.stride)
    var group = EventBuffer()
    var (order, starts): ([UInt32], [Int]) = ([], [])
    func close(_ rules: inout UserEventRules) throws {
      guard let user = group.contents.first?.user else { return }
      let kept = rules.apply(to: group.contents, userID: users[Int(user)])
      order.append(user)
      starts.append(merged.size / MemoryLayout<EventRecord>.stride)
      try merged.append(UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: group.contents[..<kept])))
      group.removeAll()
    }
    while let record = try merger.next() {
      if let first = group.contents.first, first.user != record.user { try close(&rules) }
      group.append(record)
    }
    try close(&rules)
    self.scratch = nil
    starts.append(merged.size / MemoryLayout<EventRecord>.stride)
    return SortedEvents(try merged.map().bindMemory(to: EventRecord.self), users: order, starts: starts, scratch: merged)
  }
}

/// Where events go that were read.
protocol EventStore: AnyObject {
  /// Takes the next event; throws `InputError` when the disk refuses it.
  func append(_ record: EventRecord) throws
}

/// One event while it is being sorted: 24 bytes, numbers instead of ids.
struct EventRecord: BitwiseCopyable, Equatable {
  /// Microseconds since 1970-01-01 UTC.
  var time: Int64
  /// Place in the table of user ids.
  var user: UInt32
  /// Place in the table of item ids; later the catalogue's row.
  var item: UInt32
  var scene: UInt16
  var behavior: UInt16
  /// Place in its sort buffer before sorting, which keeps the sort stable.
  var position: UInt32 = 0
}
