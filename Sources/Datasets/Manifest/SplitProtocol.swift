import Files

/// How each user's events are assigned to training, validation and test.
package enum SplitProtocol: Sendable, Equatable, CustomStringConvertible {
  /// The last event is for test and the one before it for validation, when the user has three or more; else all is for training.
  case leaveOneOut
  /// A global cut, microseconds since 1970-01-01 UTC, and its text on the command line.
  ///
  /// Events before it are for training, but a user's last of two or more is for validation; the first at or after it is for test when the
  /// user has any before; the rest is unused.
  case time(cut: Int64, text: String)

  /// Reads `leave-one-out` or `time:CUT`, CUT being Unix seconds or an ISO date (`2014-01-31`, `2014-01-31T12:00:00Z`), UTC.
  package init(_ text: String) throws {
    if text == "leave-one-out" {
      self = .leaveOneOut
      return
    }
    guard text.hasPrefix("time:"), let cut = Timestamp.microseconds(cut: String(text.dropFirst(5))) else {
      throw InputError("the split is leave-one-out or time:CUT (Unix seconds, 2014-01-31 or 2014-01-31T12:00:00Z), not \(text)")
    }
    self = .time(cut: cut, text: String(text.dropFirst(5)))
  }

  /// The command line's spelling.
  package var description: String {
    switch self {
    case .leaveOneOut: "leave-one-out"
    case .time(_, let text): "time:\(text)"
    }
  }

  /// The rule in words, for the manifest.
  package var rule: String {
    switch self {
    case .leaveOneOut:
      "per user with 3 or more events the last is test, the one before it validation, the others training; users with fewer are training only"
    case .time:
      "events before the cut are training, except that a user's last one before it is validation when there are 2 or more; "
        + "the user's first event at or after the cut is test when there is one before it; later events are unused"
    }
  }

  /// The split of one user's events, given their times, rising.
  package func split(count: Int, time: (Int) -> Int64) -> UserSplit {
    switch self {
    case .leaveOneOut:
      return count >= 3
        ? UserSplit(trainCount: count - 2, validation: count - 2, test: count - 1)
        : UserSplit(trainCount: count, validation: nil, test: nil)
    case .time(let cut, _):
      var before = 0
      while before < count && time(before) < cut { before += 1 }
      return UserSplit(
        trainCount: before >= 2 ? before - 1 : before, validation: before >= 2 ? before - 1 : nil,
        test: before >= 1 && before < count ? before : nil)
    }
  }
}

/// Where one user's events go; indices into the user's events.
package struct UserSplit: Equatable {
  package var trainCount: Int
  package var validation: Int?
  package var test: Int?

  /// The split once some of the training events are left out; indices count the events that stay.
  ///
  /// A held-out event needs something to be read before it: the first event that stays is not held out.
  package func leavingOut(_ count: Int) -> UserSplit {
    func index(_ event: Int?) -> Int? { event.flatMap { $0 > count ? $0 - count : nil } }
    guard count > 0 else { return self }
    return UserSplit(trainCount: trainCount - count, validation: index(validation), test: index(test))
  }
}
