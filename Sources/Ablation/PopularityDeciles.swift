/// Judged users in ten groups of about equal size, by the training events of their held-out items.
///
/// Users whose items have equally many events stay together, in the tenth in which their middle lies: no order among equals decides
/// where a user belongs. So where few numbers of events have many users, groups differ in size, and some may be empty. Ours.
public struct PopularityDeciles: Sendable, Equatable {
  /// A group that has users.
  public struct Group: Sendable, Equatable {
    /// 1, the rarest, to 10.
    public let number: Int
    /// The training events of its items, from the fewest to the most.
    public let events: ClosedRange<Int>
    /// Its users.
    public let users: Int
    /// The share of them whose item is among the first ten.
    public let recall: Double

    /// `3`, or `4–7`.
    public var label: String {
      events.count == 1 ? "\(events.lowerBound)" : "\(events.lowerBound)–\(events.upperBound)"
    }
  }

  /// The groups that have users, rarest first.
  public let groups: [Group]

  /// Cuts the users of a judgement into tenths.
  public init(_ ranks: RanksByTrainingEvents) {
    let rows = ranks.rows.filter { $0.users > 0 }
    let total = rows.reduce(0) { $0 + $1.users }
    var (before, parts) = (0, [Int: [RanksByTrainingEvents.Row]]())
    for row in rows {
      // The middle of these users, in halves of a user, so that it is a whole number.
      let middle = 2 * before + row.users
      parts[min(9, middle * 10 / (2 * total)), default: []].append(row)
      before += row.users
    }
    groups = parts.sorted { $0.key < $1.key }.map { number, rows in
      let (users, found) = (rows.reduce(0) { $0 + $1.users }, rows.reduce(0) { $0 + $1.found })
      return Group(
        number: number + 1, events: rows[0].events...rows[rows.count - 1].events, users: users,
        recall: Double(found) / Double(users))
    }
  }

  /// The recall of a group; nil when it has no users.
  public subscript(number: Int) -> Double? { groups.first { $0.number == number }?.recall }
}
