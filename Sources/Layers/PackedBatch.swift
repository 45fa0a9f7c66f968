/// The sequences of a rank's batch, packed: the positions of all users one behind the other, no padding.
///
/// Letters (docs/shapes.md): B users, T packed positions, n the model's length. Sequence u fills rows
/// `starts[u] ..< starts[u + 1]`, oldest event first, so its newest event is its last row. Ours: left padding is what the
/// paper's figure shows; packing computes the same numbers without multiplying zeros.
public struct PackedBatch {
  /// Where each sequence starts, B + 1 numbers.
  public let starts: UnsafeBufferPointer<Int32>
  /// A key for each position that names it in the whole job's batch, for dropout; T numbers.
  public let rowKeys: UnsafePointer<UInt64>

  /// Describes a packed batch.
  public init(starts: UnsafeBufferPointer<Int32>, rowKeys: UnsafePointer<UInt64>) {
    precondition(starts.count >= 1, "a batch needs at least the end of its last sequence")
    self.starts = starts
    self.rowKeys = rowKeys
  }

  /// The number of users, B.
  public var users: Int { starts.count - 1 }
  /// The number of packed positions, T.
  public var positions: Int { Int(starts[users]) }

  /// The rows of one user's sequence.
  public func rows(of user: Int) -> Range<Int> { Int(starts[user])..<Int(starts[user + 1]) }

  /// The length of the longest sequence.
  public var longest: Int { (0..<users).reduce(0) { max($0, rows(of: $1).count) } }
}

/// What a forward pass needs besides its input: randomness for dropout, and whether positions may look ahead.
public struct ForwardMode {
  /// The seed of every dropout mask.
  public let seed: UInt64
  /// The step, part of every mask's key.
  public let step: UInt32
  /// The dropout rate; 0 outside training.
  public let dropout: Float
  /// Whether a position reads only itself and earlier ones (phase 1) or all (phase 2).
  public let causal: Bool

  /// A training pass.
  public init(seed: UInt64, step: UInt32, dropout: Float, causal: Bool) {
    self.seed = seed
    self.step = step
    self.dropout = dropout
    self.causal = causal
  }

  /// A pass without dropout: evaluation, export.
  public static func inference(causal: Bool) -> ForwardMode { ForwardMode(seed: 0, step: 0, dropout: 0, causal: causal) }
}
