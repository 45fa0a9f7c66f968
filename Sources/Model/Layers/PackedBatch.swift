import Tensors

/// The sequences of a rank's batch, packed: the positions of all users one behind the other, no padding.
///
/// Letters (docs/shapes.md): B users, T packed positions, n the model's length. Sequence u fills rows
/// `starts[u] ..< starts[u + 1]`, oldest event first, so its newest event is its last row. Ours: left padding is what the
/// paper's figure shows; packing computes the same numbers without multiplying zeros.
package struct PackedBatch {
  /// About how many positions go through the layers together: what they take stays in the cache.
  package static let blockRows = 256

  /// Where each sequence starts, B + 1 numbers.
  package let starts: UnsafeBufferPointer<Int32>
  /// A key for each position that names it in the whole job's batch, for dropout; T numbers.
  package let rowKeys: UnsafePointer<UInt64>
  /// When the events were; nil where no model asks.
  let times: Times?
  /// What attention reads of the times; nil without a time bias.
  var ages: Ages?

  /// Describes a packed batch.
  package init(starts: UnsafeBufferPointer<Int32>, rowKeys: UnsafePointer<UInt64>, times: Times? = nil) {
    precondition(starts.count >= 1, "a batch needs at least the end of its last sequence")
    self.starts = starts
    self.rowKeys = rowKeys
    self.times = times
  }

  /// The number of users, B.
  package var users: Int { starts.count - 1 }
  /// The number of packed positions, T.
  package var positions: Int { Int(starts[users]) }

  /// The rows of one user's sequence.
  package func rows(of user: Int) -> Range<Int> { Int(starts[user])..<Int(starts[user + 1]) }

  /// The length of the longest sequence.
  package var longest: Int { all.longest }

  /// All sequences.
  package var all: Sequences { Sequences(batch: self, users: 0..<users) }

  /// Some of the sequences, one behind the other; as a sequence, where each of them stands, counted from the first one's start.
  package struct Sequences: Sequence, IteratorProtocol {
    let batch: PackedBatch
    let users: Range<Int>
    private var user: Int

    init(batch: PackedBatch, users: Range<Int>) {
      self.batch = batch
      self.users = users
      user = users.lowerBound
    }

    /// Where they stand in the batch.
    package var rows: Range<Int> { Int(batch.starts[users.lowerBound])..<Int(batch.starts[users.upperBound]) }

    /// How many they are.
    package var count: Int { users.count }

    /// The length of the longest.
    package var longest: Int { users.reduce(0) { Swift.max($0, batch.rows(of: $1).count) } }

    /// Where the next one stands.
    package mutating func next() -> Range<Int>? {
      guard user < users.upperBound else { return nil }
      defer { user += 1 }
      let (rows, first) = (batch.rows(of: user), Int(batch.starts[users.lowerBound]))
      return (rows.lowerBound - first)..<(rows.upperBound - first)
    }
  }

  /// Calls `body` with blocks of whole sequences of about `rows` positions (more only when one alone is longer), in order.
  package func forEachBlock(rows: Int = blockRows, _ body: (Sequences) throws -> Void) rethrows {
    var first = 0
    while first < users {
      var end = first + 1
      while end < users, Int(starts[end + 1] - starts[first]) <= rows { end += 1 }
      try body(Sequences(batch: self, users: first..<end))
      first = end
    }
  }
}
