import Datasets
import Files

/// Duplicates and ties: what is done to one user's events once they stand in time order.
struct UserEventRules {
  /// Events equal to an earlier one in user, item, time, scene and behavior.
  private(set) var exactDuplicates = 0
  /// Events removed.
  private(set) var dropped = 0

  private let duplicates: DuplicateRule
  private let ties: TieOrder
  private let eventHash: (EventRecord) -> UInt64
  private var seen: Set<UInt64> = []

  /// `eventHash` gives a stable hash of an event's item id, scene and behavior by name, for shuffled ties.
  init(duplicates: DuplicateRule, ties: TieOrder, eventHash: @escaping (EventRecord) -> UInt64) {
    self.duplicates = duplicates
    self.ties = ties
    self.eventHash = eventHash
  }

  /// Removes duplicates, orders ties, moves what stays to the front and returns how many these are.
  mutating func apply(to events: UnsafeMutableBufferPointer<EventRecord>, userID: UnsafeRawBufferPointer) -> Int {
    let before = dropped
    var (start, end) = (0, 0)
    while start < events.count {
      var next = start + 1
      while next < events.count && events[next].time == events[start].time { next += 1 }
      if next - start == 1 {
        events[end] = events[start]
        end += 1
      } else {
        end = removeExact(events, start..<next, to: end)
      }
      start = next
    }
    // Ties first, so that the earliest event with an item is the same one that the split will see as the earliest.
    if case .shuffle(let seed) = ties { shuffle(events, count: end, seed ^ VirtualShards.hash(userID)) }
    if duplicates == .first { end = removeRepeats(events, count: end) }
    precondition(events.count - end == dropped - before, "\(events.count) events, \(end) kept, \(dropped - before) dropped")
    return end
  }

  /// Handles events of one time: counts exact repeats and drops them unless all are to be kept.
  private mutating func removeExact(_ events: UnsafeMutableBufferPointer<EventRecord>, _ group: Range<Int>, to start: Int) -> Int
  {
    var end = start
    if group.count > 16 { seen.removeAll(keepingCapacity: true) }
    for index in group {
      let event = events[index]
      let isRepeat = group.count > 16 ? !seen.insert(key(event)).inserted : isAmong(event, events, start..<end)
      if isRepeat { exactDuplicates += 1 }
      if isRepeat && duplicates != .keep {
        dropped += 1
      } else {
        events[end] = event
        end += 1
      }
    }
    return end
  }

  private func key(_ event: EventRecord) -> UInt64 {
    UInt64(event.item) << 32 | UInt64(event.scene) << 16 | UInt64(event.behavior)
  }

  private func isAmong(_ event: EventRecord, _ events: UnsafeMutableBufferPointer<EventRecord>, _ range: Range<Int>) -> Bool {
    for index in range where key(events[index]) == key(event) { return true }
    return false
  }

  private mutating func removeRepeats(_ events: UnsafeMutableBufferPointer<EventRecord>, count: Int) -> Int {
    seen.removeAll(keepingCapacity: true)
    var end = 0
    for index in 0..<count {
      if seen.insert(UInt64(events[index].item)).inserted {
        events[end] = events[index]
        end += 1
      } else {
        dropped += 1
      }
    }
    return end
  }

  private func shuffle(_ events: UnsafeMutableBufferPointer<EventRecord>, count: Int, _ seed: UInt64) {
    var start = 0
    while start < count {
      var next = start + 1
      while next < count && events[next].time == events[start].time { next += 1 }
      if next - start > 1 {
        let group = UnsafeMutableBufferPointer(rebasing: events[start..<next])
        let keyed = group.enumerated().map { (tieKey($1, seed), $0, $1) }
        for (index, entry) in keyed.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }).enumerated() { group[index] = entry.2 }
      }
      start = next
    }
  }

  /// Random bits that depend on the seed, the user and what the event is, so not on where rows stand in the files.
  private func tieKey(_ event: EventRecord, _ seed: UInt64) -> UInt64 {
    let first = VirtualShards.finalize(seed &+ 0x7469_6573)
    return VirtualShards.finalize(first ^ VirtualShards.finalize(eventHash(event) ^ UInt64(bitPattern: event.time)))
  }
}

/// What happens to a user's repeated events.
package enum DuplicateRule: String, Sendable, CaseIterable {
  /// All stay.
  case keep
  /// Of events equal in user, item, time, scene and behavior the first stays; the default (ours: such rows are recording errors, while the
  /// same item at another time is behavior).
  case exact
  /// Of a user's events with one item the earliest stays.
  case first
}

/// The order of a user's events with equal times.
package enum TieOrder: Sendable, Equatable, CustomStringConvertible {
  /// As they stand in the files, in the order in which the files are given.
  case fileOrder
  /// A random order that depends on the seed, the user's and the item's ids, the scene, the behavior and the time,
  /// so not on the order of the rows.
  case shuffle(seed: UInt64)

  /// Reads `file-order` or `shuffle:SEED`.
  package init(_ text: String) throws {
    if text == "file-order" {
      self = .fileOrder
    } else if text.hasPrefix("shuffle:"), let seed = UInt64(text.dropFirst(8)) {
      self = .shuffle(seed: seed)
    } else {
      throw InputError("the tie order is file-order or shuffle:SEED with a whole number, not \(text)")
    }
  }

  /// The command line's spelling.
  package var description: String {
    switch self {
    case .fileOrder: "file-order"
    case .shuffle(let seed): "shuffle:\(seed)"
    }
  }
}
