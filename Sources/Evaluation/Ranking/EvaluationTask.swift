package import Datasets

/// What is measured: on which users, from which history, and how the ranks are counted.
package struct EvaluationTask: Sendable {
  /// The held-out event of a user that is evaluated.
  package enum Split: String, Sendable, CaseIterable {
    /// The event before the last (leave-one-out).
    case validation
    /// The last event (leave-one-out), or the first after the cut.
    case test
  }

  /// The split.
  package let split: Split
  /// Users whose held-out event matches are evaluated.
  package let evaluated: EventFilter
  /// What the model reads of a user.
  package let history: History
  /// Whether items that the user had before do not compete.
  package let filterSeen: Bool

  /// Describes a measurement.
  package init(split: Split, evaluated: EventFilter, history: History, filterSeen: Bool) {
    self.split = split
    self.evaluated = evaluated
    self.history = history
    self.filterSeen = filterSeen
  }

  /// The event that a user is evaluated by; nil when the user is not evaluated.
  func heldOut(_ events: UserEvents) -> Int? {
    guard let event = split == .test ? events.test : events.validation, evaluated.matches(events, event) else { return nil }
    return event
  }
}
