import Datasets
import Model
import Tensors

/// Makes vectors of users out of their histories, block by block, with the vectors of further items that a block needs.
protocol QueryEmbedder: AnyObject {
  /// The users' histories; filled by the caller.
  var batch: SequenceBatch { get }
  /// Catalogue rows of further items, in any order, repeated or not; filled by the caller.
  var items: NumberList<Int32> { get }
  /// Which of the catalogue's rows are among `items` of the user that is being taken; else empty.
  var distinct: DistinctItems { get }

  /// Forgets users and items, for the next block.
  func removeAll()

  /// Writes the users of `batch` `[B, w]` and finds the vectors of `items`; collective when the items' vectors are not whole.
  func embed(into users: Matrix, workspace: Workspace) throws -> UserEmbedder.Items
}

extension QueryEmbedder {
  /// Takes some users of a round in place of those before: their histories, and for each the target and the items that do not compete.
  ///
  /// - Returns: how many items each user has.
  func fill(_ round: EvaluationRound, _ slots: Range<Int>) -> [Int] {
    removeAll()
    return round.users[slots].enumerated().map { slot, user in
      round.task.history.append(user.events, before: user.event, slot: slot, to: batch)
      let before = items.count
      let excluded = user.events.items[..<(round.task.filterSeen ? user.event : 0)]
      _ = distinct.insert(user.target)
      items.append(user.target)
      for item in excluded where distinct.insert(item) { items.append(item) }
      distinct.remove(items.values[before...])
      return items.count - before
    }
  }
}

/// A set of catalogue rows: a bit an item.
///
/// A history has hundreds of items; hashing each would take longer than scoring it.
final class DistinctItems {
  private let count: Int
  private let bits: Storage<UInt64>

  /// Makes room for the rows of a catalogue.
  init(of items: Int) {
    count = items
    bits = Storage(count: (items + 63) / 64)
  }

  /// Puts a row in; whether it is new.
  func insert(_ item: Int32) -> Bool {
    precondition(item >= 0 && item < count, "item \(item) of \(count)")
    let (word, bit) = (Int(item) / 64, UInt64(1) << UInt64(item % 64))
    defer { bits.base[word] |= bit }
    return bits.base[word] & bit == 0
  }

  /// Takes out rows that were put in.
  func remove(_ items: Slice<UnsafeBufferPointer<Int32>>) {
    for item in items { bits.base[Int(item) / 64] &= ~(UInt64(1) << UInt64(item % 64)) }
  }
}

extension UserEmbedder: QueryEmbedder {}

/// A user is the vector of the newest item that is read of it: the search for items like the last one.
///
/// A user without any event, and one whose last item has no vector, gets zeros; then all items are alike, and the target is last.
final class LastItemEmbedder: QueryEmbedder {
  let batch = SequenceBatch()
  let items = NumberList<Int32>()
  private let vectors: any ItemVectors
  let distinct: DistinctItems
  private let newest = NumberList<Int32>()
  private let unique = UniqueRows()

  init(_ vectors: any ItemVectors) {
    self.vectors = vectors
    distinct = DistinctItems(of: vectors.items)
  }

  func removeAll() {
    batch.removeAll()
    items.removeAll()
  }

  func embed(into users: Matrix, workspace: Workspace) throws -> UserEmbedder.Items {
    newest.removeAll()
    for user in 0..<batch.users where batch.starts[user] < batch.starts[user + 1] {
      newest.append(batch.items[Int(batch.starts[user + 1]) - 1])
    }
    unique.collect(newest.values, items.values)
    let found = workspace.matrix(unique.count, vectors.width)
    try vectors.embed(unique.rows, into: found, workspace: workspace)
    let rows = workspace.take(Int32.self, items.count)
    unique.locate(items.values, into: rows)
    workspace.scope {
      let indices = workspace.take(Int32.self, newest.count)
      unique.locate(newest.values, into: indices)
      var next = 0
      users.clear()
      for user in 0..<batch.users where batch.starts[user] < batch.starts[user + 1] {
        users.row(user).update(from: found.row(Int(indices[next])), count: vectors.width)
        next += 1
      }
    }
    return UserEmbedder.Items(embeddings: found, rows: RowList(start: rows, count: items.count))
  }
}
