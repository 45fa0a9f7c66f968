import Files

/// The users of one virtual shard with all their events, mapped from `shards/shard-NNNNN.safetensors`.
///
/// Users stand in the order of their first event in the input. Everything is checked when the shard is opened, so that what it hands out
/// can be used as indices without another look.
package final class UserShard: Sendable {
  /// The number of users in this shard.
  package let userCount: Int
  /// The number of events of all users in this shard, without those that the cold protocol leaves out.
  let eventCount: Int

  private let file: SafetensorsFile
  /// Owns the events and the split where the files' own have events on cold items among them.
  private nonisolated(unsafe) let warm: WarmEvents?
  private nonisolated(unsafe) let ids: StringTable
  private nonisolated(unsafe) let columns: Columns

  /// Where the files are inside a data set.
  static let folder = "shards/"

  /// The path of a shard's file inside a data set.
  package static func fileName(_ index: Int) -> String {
    let digits = String(index)
    return folder + "shard-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".safetensors"
  }

  /// Opens and checks the file.
  ///
  /// Throws `InputError` when it is damaged or does not fit the manifest.
  ///
  /// - Parameter isCold: the items whose training events are left out; nil = the events as they are stored.
  init(path: String, shard: DatasetManifest.Shard, manifest: DatasetManifest, isCold: ((Int32) -> Bool)? = nil) throws {
    let file = try SafetensorsFile(path: path)
    self.file = file
    let (userCount, eventCount) = (shard.users, shard.events)
    self.userCount = userCount
    ids = try StringTable(file, "users.id", count: userCount, isSearched: true)
    let offsets = try file.values("users.offsets", as: Int64.self, .i64, shape: [userCount + 1])
    let trainCounts = try file.values("users.train_count", as: Int32.self, .i32, shape: [userCount])
    let validations = try file.values("users.validation", as: Int32.self, .i32, shape: [userCount])
    let tests = try file.values("users.test", as: Int32.self, .i32, shape: [userCount])
    let items = try file.values("events.item", as: Int32.self, .i32, shape: [eventCount])
    let times = try file.values("events.time", as: Int64.self, .i64, shape: [eventCount])
    let scenes = try file.values("events.scene", as: UInt16.self, .u16, shape: [eventCount])
    let behaviors = try file.values("events.behavior", as: UInt16.self, .u16, shape: [eventCount])
    try checkOffsets(offsets, end: eventCount, "users.offsets", in: path)
    try checkBelow(items, manifest.items, "events.item", in: path)
    try checkBelow(scenes, manifest.scenes.count, "events.scene", in: path)
    try checkBelow(behaviors, manifest.behaviors.count, "events.behavior", in: path)
    let stored = Columns(
      offsets: offsets, items: items, times: times, scenes: scenes, behaviors: behaviors, trainCounts: trainCounts,
      validations: validations, tests: tests)
    try stored.checkSplit(users: userCount, path)
    warm = isCold.map { WarmEvents(users: userCount, isCold: $0, events: stored.events) }
    columns = warm.map(Columns.init) ?? stored
    self.eventCount = columns.items.count
  }

  /// The user's id as it stood in the input.
  package func id(_ user: Int) -> String { ids.string(user) }

  /// The same as bytes; valid while this object lives.
  package func idBytes(_ user: Int) -> UnsafeRawBufferPointer { ids[user] }

  /// The user's events, all of them but those left out, in time order; valid while this object lives.
  package func events(_ user: Int) -> UserEvents { columns.events(user) }

  /// The number of the user with this id, or nil; a binary search.
  package func find(_ id: String) -> Int? { ids.find(id) }
}

/// What a shard has of its events and of each user's split, side by side.
private struct Columns {
  let offsets: UnsafeBufferPointer<Int64>
  let items: UnsafeBufferPointer<Int32>
  let times: UnsafeBufferPointer<Int64>
  let scenes: UnsafeBufferPointer<UInt16>
  let behaviors: UnsafeBufferPointer<UInt16>
  let trainCounts: UnsafeBufferPointer<Int32>
  let validations: UnsafeBufferPointer<Int32>
  let tests: UnsafeBufferPointer<Int32>

  func events(_ user: Int) -> UserEvents {
    let range = Int(offsets[user])..<Int(offsets[user + 1])
    return UserEvents(
      items: UnsafeBufferPointer(rebasing: items[range]), times: UnsafeBufferPointer(rebasing: times[range]),
      scenes: UnsafeBufferPointer(rebasing: scenes[range]), behaviors: UnsafeBufferPointer(rebasing: behaviors[range]),
      trainCount: Int(trainCounts[user]), validation: validations[user] < 0 ? nil : Int(validations[user]),
      test: tests[user] < 0 ? nil : Int(tests[user]))
  }

  /// Training events come first, then validation, then test, all inside the user's events, in time order.
  func checkSplit(users: Int, _ path: String) throws {
    for user in 0..<users {
      let range = Int(offsets[user])..<Int(offsets[user + 1])
      let (train, validation, test) = (Int(trainCounts[user]), Int(validations[user]), Int(tests[user]))
      let isInside =
        (0...range.count).contains(train) && (-1..<range.count).contains(validation) && (-1..<range.count).contains(test)
      let isOrdered = (validation < 0 || validation >= train) && (test < 0 || (test >= train && test > validation))
      guard isInside && isOrdered else {
        throw InputError("\(path): the split of user \(user) is damaged; make the data set again")
      }
      for event in range.dropFirst() where times[event] < times[event - 1] {
        throw InputError("\(path): the events of user \(user) are not in time order; make the data set again")
      }
    }
  }
}

extension Columns {
  /// Views of what was copied; valid while it lives.
  init(_ warm: WarmEvents) {
    self.init(
      offsets: UnsafeBufferPointer(warm.offsets), items: UnsafeBufferPointer(warm.items), times: UnsafeBufferPointer(warm.times),
      scenes: UnsafeBufferPointer(warm.scenes), behaviors: UnsafeBufferPointer(warm.behaviors),
      trainCounts: UnsafeBufferPointer(warm.trainCounts), validations: UnsafeBufferPointer(warm.validations),
      tests: UnsafeBufferPointer(warm.tests))
  }
}
