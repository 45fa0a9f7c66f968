import Files

/// The users of one virtual shard with all their events, mapped from `shards/shard-NNNNN.safetensors`.
///
/// Users stand in the order of their first event in the input. Everything is checked when the shard is opened, so that what it hands out
/// can be used as indices without another look.
public final class UserShard: Sendable {
  /// The number of users in this shard.
  public let userCount: Int
  /// The number of events of all users in this shard.
  public let eventCount: Int

  private let file: SafetensorsFile
  private nonisolated(unsafe) let ids: StringTable
  private nonisolated(unsafe) let offsets: UnsafeBufferPointer<Int64>
  private nonisolated(unsafe) let trainCounts: UnsafeBufferPointer<Int32>
  private nonisolated(unsafe) let validations: UnsafeBufferPointer<Int32>
  private nonisolated(unsafe) let tests: UnsafeBufferPointer<Int32>
  private nonisolated(unsafe) let items: UnsafeBufferPointer<Int32>
  private nonisolated(unsafe) let times: UnsafeBufferPointer<Int64>
  private nonisolated(unsafe) let scenes: UnsafeBufferPointer<UInt16>
  private nonisolated(unsafe) let behaviors: UnsafeBufferPointer<UInt16>

  /// Where the files are inside a data set.
  static let folder = "shards/"

  /// The path of a shard's file inside a data set.
  public static func fileName(_ index: Int) -> String {
    let digits = String(index)
    return folder + "shard-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".safetensors"
  }

  /// Opens and checks the file.
  ///
  /// Throws `InputError` when it is damaged or does not fit the manifest.
  init(path: String, shard: DatasetManifest.Shard, manifest: DatasetManifest) throws {
    let file = try SafetensorsFile(path: path)
    self.file = file
    (userCount, eventCount) = (shard.users, shard.events)
    ids = try StringTable(file, "users.id", count: userCount, isSearched: true)
    offsets = try file.values("users.offsets", as: Int64.self, .i64, shape: [userCount + 1])
    trainCounts = try file.values("users.train_count", as: Int32.self, .i32, shape: [userCount])
    validations = try file.values("users.validation", as: Int32.self, .i32, shape: [userCount])
    tests = try file.values("users.test", as: Int32.self, .i32, shape: [userCount])
    items = try file.values("events.item", as: Int32.self, .i32, shape: [eventCount])
    times = try file.values("events.time", as: Int64.self, .i64, shape: [eventCount])
    scenes = try file.values("events.scene", as: UInt16.self, .u16, shape: [eventCount])
    behaviors = try file.values("events.behavior", as: UInt16.self, .u16, shape: [eventCount])
    try checkOffsets(offsets, end: eventCount, "users.offsets", in: path)
    try checkBelow(items, manifest.items, "events.item", in: path)
    try checkBelow(scenes, manifest.scenes.count, "events.scene", in: path)
    try checkBelow(behaviors, manifest.behaviors.count, "events.behavior", in: path)
    try checkSplit(path)
  }

  /// The user's id as it stood in the input.
  public func id(_ user: Int) -> String { ids.string(user) }

  /// The same as bytes; valid while this object lives.
  func idBytes(_ user: Int) -> UnsafeRawBufferPointer { ids[user] }

  /// The user's events, all of them, in time order; valid while this object lives.
  public func events(_ user: Int) -> UserEvents {
    let range = Int(offsets[user])..<Int(offsets[user + 1])
    return UserEvents(
      items: UnsafeBufferPointer(rebasing: items[range]), times: UnsafeBufferPointer(rebasing: times[range]),
      scenes: UnsafeBufferPointer(rebasing: scenes[range]), behaviors: UnsafeBufferPointer(rebasing: behaviors[range]),
      trainCount: Int(trainCounts[user]), validation: validations[user] < 0 ? nil : Int(validations[user]),
      test: tests[user] < 0 ? nil : Int(tests[user]))
  }

  /// The number of the user with this id, or nil; a binary search.
  public func find(_ id: String) -> Int? { ids.find(id) }

  /// Training events come first, then validation, then test, all inside the user's events, in time order.
  private func checkSplit(_ path: String) throws {
    for user in 0..<userCount {
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
