import Files

/// The moment that a user is recommended to, where a model reads it: microseconds since 1970-01-01 UTC.
package struct RequestTime: Sendable, Equatable, CustomStringConvertible {
  /// The moment.
  package let microseconds: Int64

  /// `2014-01-31T12:00:00Z`; whole seconds.
  package var description: String { Timestamp.text(microseconds) }

  /// A moment in microseconds since 1970.
  package init(microseconds: Int64) { self.microseconds = microseconds }

  /// Reads Unix seconds or an ISO date (`2014-01-31`, `2014-01-31T12:00:00Z`), UTC.
  package init(_ text: String) throws {
    guard let time = Timestamp.microseconds(cut: text) else {
      throw InputError("--at is a time (Unix seconds, 2014-01-31 or 2014-01-31T12:00:00Z), not \(text)")
    }
    microseconds = time
  }
}

extension Dataset {
  /// The time of the newest event of some virtual shards, in microseconds since 1970; nil when they have none.
  ///
  /// Throws `InputError` when a shard is damaged.
  package func newestTime(shards: Range<Int>) throws -> Int64? {
    var newest: Int64?
    for number in shards {
      let shard = try shard(number)
      for user in 0..<shard.userCount {
        guard let last = shard.events(user).times.last else { continue }
        newest = max(newest ?? last, last)
      }
    }
    return newest
  }
}
