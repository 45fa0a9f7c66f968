public import Tensors

/// The token states of the rows that a rank owns: `m_i` rows of width dₜ for each item, one behind the other.
public final class TokenTable {
  /// dₜ, the width of a token state.
  public let width: Int
  /// Where each local row's tokens start, in tokens; one more entry than rows.
  public let starts: [Int]

  /// Makes a table from the number of tokens of each local row; states start at zero.
  public init(counts: [Int], width: Int) {
    var starts = [0]
    starts.reserveCapacity(counts.count + 1)
    for count in counts { starts.append(starts[starts.count - 1] + count) }
    self.starts = starts
    self.width = width
    storage = Storage(count: starts[starts.count - 1] * width)
  }

  /// The number of tokens of all local rows.
  public var tokenCount: Int { starts[starts.count - 1] }
  /// All states, `[tokens, dₜ]`.
  public var states: Matrix { Matrix(storage.base, rows: tokenCount, columns: width) }

  /// The tokens of a local row.
  public func tokens(of row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }

  /// The states `[m_i, dₜ]` of a local row.
  public func states(of row: Int) -> Matrix { states.rows(tokens(of: row)) }

  private let storage: Storage<Float>
}
