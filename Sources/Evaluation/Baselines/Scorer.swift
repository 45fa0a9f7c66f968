import Datasets
import Tensors

/// A way to rank the catalogue for users: the model, or what it is held against.
///
/// All of them rank the same users of a round by the same rules: every item of the catalogue competes, but those that the user had before
/// when the task says so; the target always does. Ties count against the target.
protocol Scorer {
  /// Finds where each user's held-out item stands, and the first items when they are wanted; collective.
  ///
  /// - Parameter progress: called with the number of users ranked since the last call.
  func rank(_ round: EvaluationRound, into standings: Standings, workspace: Workspace, progress: (Int) -> Void) throws
}

/// Some users that are ranked together.
struct EvaluationRound {
  /// A user's events, and which of them is to be found.
  struct User {
    let events: UserEvents
    let event: Int

    /// The catalogue row of the held-out item.
    var target: Int32 { events.items[event] }
  }

  /// The rank's blocks of users.
  let blocks: [EvaluatedUsers.Block]
  /// The blocks of the rank that has most: what is collective is done so often.
  let most: Int
  /// What is measured.
  let task: EvaluationTask
  /// The users of all blocks; they live as long as the blocks do.
  let users: [User]

  init(_ blocks: [EvaluatedUsers.Block], most: Int, task: EvaluationTask) {
    self.blocks = blocks
    self.most = most
    self.task = task
    users = blocks.flatMap { block in block.users.map { User(events: block.shard.events($0.user), event: $0.event) } }
  }

  /// The users of each block, and of empty ones for as many as another rank has more.
  var slots: [Range<Int>] {
    var first = 0
    return (0..<most).map { index in
      let slots = first..<first + (index < blocks.count ? blocks[index].users.count : 0)
      first = slots.upperBound
      return slots
    }
  }

  /// The items that do not compete for a user.
  func excluded(_ user: User) -> Set<Int32> {
    task.filterSeen ? Set(user.events.items[..<user.event]).subtracting([user.target]) : []
  }

  /// Whether an item does not compete for the user in a slot.
  func isExcluded(_ slot: Int, _ item: Int32) -> Bool {
    guard task.filterSeen else { return false }
    let user = users[slot]
    return item != user.target && holds(RowList(rebasing: user.events.items[..<user.event]), item)
  }
}

/// What a scorer finds of a round's users.
struct Standings {
  /// The rank of each user's held-out item, from 1.
  let ranks: UnsafeMutableBufferPointer<Int32>
  /// The first items of each user; nil when nobody asks for them.
  let first: FirstItems?

  /// Makes room in a workspace.
  init(users: Int, firstItems: Int, workspace: Workspace) {
    ranks = UnsafeMutableBufferPointer(start: workspace.take(Int32.self, users), count: users)
    first = firstItems > 0 ? FirstItems(users: users, limit: firstItems, workspace: workspace) : nil
  }
}
