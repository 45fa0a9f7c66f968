import Tensors

/// The best few items of many users at once, in the memory of a workspace.
///
/// A sorted list a user: after the first items of a catalogue hardly any is good enough to move others. Of equal scores the item offered
/// first stands first, and NaN is never taken.
struct FirstItems {
  /// The most items of a user.
  let limit: Int
  private let items: UnsafeMutablePointer<Int32>
  private let scores: UnsafeMutablePointer<Float>
  private let counts: UnsafeMutablePointer<Int32>

  /// Makes room for users.
  init(users: Int, limit: Int, workspace: Workspace) {
    self.limit = limit
    items = workspace.take(Int32.self, users * limit)
    scores = workspace.take(Float.self, users * limit)
    counts = workspace.take(Int32.self, users)
    counts.update(repeating: 0, count: users)
  }

  /// A user's items, best first.
  func items(of user: Int) -> UnsafeBufferPointer<Int32> {
    UnsafeBufferPointer(start: items + user * limit, count: Int(counts[user]))
  }

  /// Whether a user's list is as long as it may be.
  func isFull(_ user: Int) -> Bool { Int(counts[user]) == limit }

  /// What a score must be above to be taken.
  func threshold(_ user: Int) -> Float { isFull(user) ? scores[(user + 1) * limit - 1] : -.infinity }

  /// Puts an item where its score belongs; the score is above the user's threshold.
  func insert(_ item: Int32, _ score: Float, for user: Int) {
    let first = user * limit
    var index = first + min(Int(counts[user]), limit - 1)
    counts[user] = Int32(min(Int(counts[user]) + 1, limit))
    while index > first && scores[index - 1] < score {
      (items[index], scores[index]) = (items[index - 1], scores[index - 1])
      index -= 1
    }
    (items[index], scores[index]) = (item, score)
  }

  /// Puts an item behind the others, which were found in order.
  func append(_ item: Int32, for user: Int) { insert(item, -.infinity, for: user) }
}
