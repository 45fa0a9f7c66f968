import Datasets
import Files

/// Writes one virtual shard's file: a pass over the shard's events per tensor, so that memory stays small however long the shard is.
struct ShardWriter {
  let events: SortedEvents
  /// Places in `events.users`.
  let range: Range<Int>
  let users: UserTable
  let rule: SplitProtocol
  /// New numbers of the events' scenes and behaviors.
  let scenes: [UInt16]
  let behaviors: [UInt16]

  /// Writes the file and returns its CRC-32.
  func write(_ path: String) throws -> UInt32 {
    let count = events.starts[range.upperBound] - events.starts[range.lowerBound]
    let ids = range.map { Int(events.users[$0]) }
    let splits = splits()
    var writer = try SafetensorsWriter(
      path: path, tensors: tensors(users: range.count, events: count, idBytes: ids.reduce(0) { $0 + users[$1].count }))
    try writer.write(starts())
    try writer.write(offsets(ids.map { users[$0].count }))
    try writeEvents(&writer) { $0.time }
    try writer.write(splits.map { Int32($0.trainCount) })
    try writer.write(splits.map { Int32($0.validation ?? -1) })
    try writer.write(splits.map { Int32($0.test ?? -1) })
    try writer.write(sortedOrder(ids.count) { users[ids[$0]] })
    try writeEvents(&writer) { Int32($0.item) }
    try writeEvents(&writer) { scenes[Int($0.scene)] }
    try writeEvents(&writer) { behaviors[Int($0.behavior)] }
    for id in ids { try writer.append(users[id]) }
    return try writer.finish()
  }

  private func tensors(users: Int, events: Int, idBytes: Int) -> [TensorSpec] {
    [
      TensorSpec("users.offsets", .i64, [users + 1]), TensorSpec("users.id_offsets", .i64, [users + 1]),
      TensorSpec("events.time", .i64, [events]), TensorSpec("users.train_count", .i32, [users]),
      TensorSpec("users.validation", .i32, [users]), TensorSpec("users.test", .i32, [users]),
      TensorSpec("users.id_sorted", .i32, [users]), TensorSpec("events.item", .i32, [events]),
      TensorSpec("events.scene", .u16, [events]), TensorSpec("events.behavior", .u16, [events]),
      TensorSpec("users.id_bytes", .u8, [idBytes]),
    ]
  }

  private func starts() -> [Int64] {
    let first = events.starts[range.lowerBound]
    return (range.lowerBound...range.upperBound).map { Int64(events.starts[$0] - first) }
  }

  private func splits() -> [UserSplit] {
    var splits: [UserSplit] = []
    events.forEach(in: range) { _, events in splits.append(rule.split(count: events.count) { events[$0].time }) }
    return splits
  }

  private func writeEvents<T: BitwiseCopyable>(_ writer: inout SafetensorsWriter, _ value: (EventRecord) -> T) throws {
    var chunk: [T] = []
    try events.forEach(in: range) { _, events in
      for event in events { chunk.append(value(event)) }
      guard chunk.count >= 1 << 16 else { return }
      try writer.write(chunk)
      chunk.removeAll(keepingCapacity: true)
    }
    try writer.write(chunk)
  }
}
