import Collectives

/// The k-core: users and items with too few events are dropped until none is left that has too few.
///
/// The result does not depend on any order: it is the largest set in which everybody has enough. Users and items that a data set had
/// before are not held to the minimums.
struct CoreFilter {
  let minimumUserEvents: Int
  let minimumItemEvents: Int
  /// Users before this place in the table of ids are known.
  var knownUsers = 0
  /// Items before this number are known.
  var knownItems = 0
  /// Whether a known item may be without events.
  var keepsGoneItems = false

  struct Result {
    /// By place in `SortedEvents.users`.
    var keepsUser: [Bool]
    /// By item number of the events.
    var keepsItem: [Bool]
    var rounds: Int
    /// This rank's events dropped because their user had too few left.
    var eventsOfUsers = 0
    /// All ranks' events dropped because their item had too few left.
    var eventsOfItems = 0
  }

  /// Finds who stays; the events are not changed.
  ///
  /// Collective: each rank has some users with all of their events.
  ///
  /// Users without an event never stay, nor do items but known ones that may.
  func run(_ events: SortedEvents, itemCount: Int, on communicator: any Communicator = SoloCommunicator()) throws -> Result {
    var result = Result(
      keepsUser: Array(repeating: true, count: events.users.count), keepsItem: Array(repeating: true, count: itemCount), rounds: 0
    )
    var isChanged = true
    while isChanged {
      result.rounds += 1
      isChanged = try round(events, &result, communicator)
    }
    return result
  }

  /// One pass over the events of the users left; whether an item was dropped, so that users must be counted again.
  private func round(_ events: SortedEvents, _ result: inout Result, _ communicator: any Communicator) throws -> Bool {
    var counts = [Int](repeating: 0, count: result.keepsItem.count)
    events.forEach { index, own in
      guard result.keepsUser[index] else { return }
      var count = 0
      for event in own where result.keepsItem[Int(event.item)] { count += 1 }
      guard count >= (events.users[index] < knownUsers ? 1 : max(1, minimumUserEvents)) else {
        result.keepsUser[index] = false
        result.eventsOfUsers += count
        return
      }
      for event in own where result.keepsItem[Int(event.item)] { counts[Int(event.item)] += 1 }
    }
    counts = try communicator.sum(counts: counts)
    var isChanged = false
    for item in counts.indices where result.keepsItem[item] && counts[item] < minimum(item) {
      result.keepsItem[item] = false
      result.eventsOfItems += counts[item]
      isChanged = true
    }
    return isChanged
  }

  private func minimum(_ item: Int) -> Int {
    item < knownItems ? (keepsGoneItems ? 0 : 1) : max(1, minimumItemEvents)
  }
}
