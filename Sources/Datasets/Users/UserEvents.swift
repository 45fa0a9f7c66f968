/// One user's events in time order, and which of them are for training, validation and test.
///
/// The four buffers run side by side, one entry an event, and point into the mapped shard: they are valid while the
/// `UserShard` they came from lives.
package struct UserEvents {
  /// Item numbers, rows of the catalogue.
  package let items: UnsafeBufferPointer<Int32>
  /// Times in microseconds since 1970-01-01 UTC, never falling.
  package let times: UnsafeBufferPointer<Int64>
  /// Scene numbers, places in `Dataset.scenes`.
  package let scenes: UnsafeBufferPointer<UInt16>
  /// Behavior numbers, places in `Dataset.behaviors`.
  package let behaviors: UnsafeBufferPointer<UInt16>
  /// Events `0..<trainCount` are training events.
  package let trainCount: Int
  /// Index of the validation event, whose history is every event before it; nil = none.
  package let validation: Int?
  /// Index of the test event, whose history is every event before it; nil = none.
  ///
  /// Events behind it (time split only) are used by nothing but recommendations for this user.
  package let test: Int?

  /// The number of events.
  package var count: Int { items.count }
}

extension UserEvents {
  /// Events that are known, none of them held out: buffers side by side, one entry an event, in time order.
  package init(
    items: UnsafeBufferPointer<Int32>, times: UnsafeBufferPointer<Int64>, scenes: UnsafeBufferPointer<UInt16>,
    behaviors: UnsafeBufferPointer<UInt16>
  ) {
    precondition(times.count == items.count, "\(times.count) times of \(items.count) events")
    self.init(
      items: items, times: times, scenes: scenes, behaviors: behaviors, trainCount: items.count, validation: nil, test: nil)
  }
}

/// The events of a shard's users without the training events on cold items: a copy in memory, as a view of a mapped file has no gaps.
///
/// Files keep every event, so that a data set can be appended to; what trains, evaluates or serves reads this. 22 bytes an event. Ours.
final class WarmEvents {
  /// Users' events follow each other, as in the file.
  let offsets: UnsafeMutableBufferPointer<Int64>
  let items: UnsafeMutableBufferPointer<Int32>
  let times: UnsafeMutableBufferPointer<Int64>
  let scenes: UnsafeMutableBufferPointer<UInt16>
  let behaviors: UnsafeMutableBufferPointer<UInt16>
  /// The split, in numbers of the events that stay.
  let trainCounts: UnsafeMutableBufferPointer<Int32>
  let validations: UnsafeMutableBufferPointer<Int32>
  let tests: UnsafeMutableBufferPointer<Int32>

  /// Copies what stays of the users of a shard that has been checked.
  init(users: Int, isCold: (Int32) -> Bool, events: (Int) -> UserEvents) {
    var count = 0
    for user in 0..<users {
      let own = events(user)
      count += own.count - own.items[..<own.trainCount].count(where: isCold)
    }
    offsets = .allocate(capacity: users + 1)
    (items, times) = (.allocate(capacity: count), .allocate(capacity: count))
    (scenes, behaviors) = (.allocate(capacity: count), .allocate(capacity: count))
    (trainCounts, validations, tests) = (
      .allocate(capacity: users), .allocate(capacity: users), .allocate(capacity: users)
    )
    offsets.initializeElement(at: 0, to: 0)
    var end = 0
    for user in 0..<users {
      let own = events(user)
      let split = UserSplit(trainCount: own.trainCount, validation: own.validation, test: own.test)
      for event in 0..<own.count where event >= own.trainCount || !isCold(own.items[event]) {
        items.initializeElement(at: end, to: own.items[event])
        times.initializeElement(at: end, to: own.times[event])
        scenes.initializeElement(at: end, to: own.scenes[event])
        behaviors.initializeElement(at: end, to: own.behaviors[event])
        end += 1
      }
      let stays = split.leavingOut(own.count - (end - Int(offsets[user])))
      offsets.initializeElement(at: user + 1, to: Int64(end))
      trainCounts.initializeElement(at: user, to: Int32(stays.trainCount))
      validations.initializeElement(at: user, to: Int32(stays.validation ?? -1))
      tests.initializeElement(at: user, to: Int32(stays.test ?? -1))
    }
    precondition(end == count, "\(end) of \(count) events")
  }

  deinit {
    offsets.deallocate()
    items.deallocate()
    times.deallocate()
    scenes.deallocate()
    behaviors.deallocate()
    trainCounts.deallocate()
    validations.deallocate()
    tests.deallocate()
  }
}
