import Collectives
import Files
import Model
import Tensors

/// The items of a checkpoint found again in the table of another data set, by their keys.
package struct ItemMatch {
  /// A row of the checkpoint's table and the row of this rank's that it becomes.
  struct Pair {
    let row: Int32
    let local: Int32
  }

  /// Items that both have.
  package let known: Int
  /// Items that the checkpoint does not have.
  package let new: Int
  /// Items that only the checkpoint has.
  package let gone: Int
  /// This rank's known rows, by their rows in the checkpoint.
  let pairs: [Pair]
  /// This rank's rows that the checkpoint does not have.
  let newRows: [Int]

  /// Looks for every item of a checkpoint; collective.
  ///
  /// Everybody reads all keys and keeps what is found among its own rows: 8 bytes a row, and about 20 more while it looks.
  /// Throws `InputError` when files do not fit or an item stands twice.
  init(_ checkpoint: Checkpoint, _ contents: CheckpointContents, communicator: any Communicator, checkStop: () throws -> Void)
    throws
  {
    guard checkpoint.manifest.items <= Int32.max else {
      throw InputError("\(checkpoint.path) has more items than a data set can hold; use another checkpoint")
    }
    let items = contents.model.items
    let indices = KeyIndices((0..<items.ids.rows).map { contents.itemKey(items.item(ofLocalRow: $0)) })
    var isTaken = [Bool](repeating: false, count: items.ids.rows)
    var pairs: [Pair] = []
    try checkpoint.forEachFile(.items, rows: checkpoint.manifest.items, checkStop) { rows, file in
      try file.withValues(CheckpointLayout.Kind.items.head, as: Int64.self, .i64, shape: [rows.count]) { keys in
        for (row, key) in zip(rows, keys) {
          guard let local = indices.find(UInt64(bitPattern: key)) else { continue }
          guard !isTaken[local] else {
            throw InputError("\(file.path): the item of row \(row) stands twice; use another checkpoint")
          }
          isTaken[local] = true
          pairs.append(Pair(row: Int32(row), local: Int32(local)))
        }
      }
    }
    self.pairs = pairs
    newRows = isTaken.indices.filter { !isTaken[$0] }
    known = Int(try communicator.sum([Double(pairs.count)])[0])
    new = items.partition.rows - known
    gone = checkpoint.manifest.items - known
  }
}

/// Finds rows by their items' keys: open addressing without another hash, because a key is one.
private struct KeyIndices {
  private let keys: [UInt64]
  /// The row of each slot, -1 = free.
  private var slots: [Int32]

  init(_ keys: [UInt64]) {
    self.keys = keys
    var count = 2
    while count < 2 * keys.count { count *= 2 }
    slots = Array(repeating: -1, count: count)
    for (row, key) in keys.enumerated() {
      let index = index(key)
      if slots[index] < 0 { slots[index] = Int32(row) }
    }
  }

  func find(_ key: UInt64) -> Int? {
    let row = slots[index(key)]
    return row < 0 ? nil : Int(row)
  }

  /// The slot that holds a key, or where it would stand.
  private func index(_ key: UInt64) -> Int {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: key) & mask
    while slots[index] >= 0 && keys[Int(slots[index])] != key { index = (index + 1) & mask }
    return index
  }
}
