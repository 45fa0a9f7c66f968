public import Batches
import Datasets

/// What is measured: on which users, from which history, and how the ranks are counted.
public struct EvaluationTask: Sendable {
  /// The held-out event of a user that is judged.
  public enum Split: String, Sendable, CaseIterable {
    /// The event before the last (leave-one-out).
    case validation
    /// The last event (leave-one-out), or the first after the cut.
    case test
  }

  /// The split.
  public let split: Split
  /// Users whose held-out event matches are judged.
  public let judged: EventFilter
  /// What the model reads of a user.
  public let history: History
  /// Whether items that the user had before do not compete.
  public let filterSeen: Bool

  /// Describes a measurement.
  public init(split: Split, judged: EventFilter, history: History, filterSeen: Bool) {
    self.split = split
    self.judged = judged
    self.history = history
    self.filterSeen = filterSeen
  }

  /// The event that a user is judged by; nil when the user is not judged.
  func judges(_ events: UserEvents) -> Int? {
    guard let event = split == .test ? events.test : events.validation, judged.matches(events, event) else { return nil }
    return event
  }
}
