package import Host
package import Tensors

/// The token states of the rows that a rank owns: `m_i` rows of width dt for each item, one behind the other.
package final class TokenTable {
  /// dt, the width of a token state.
  package let width: Int
  /// Where each local row's tokens start, in tokens; one more entry than rows.
  package let starts: [Int]
  /// All states, `[tokens, dt]`.
  package let states: StoredRows
  private let storage: Storage<UInt8>

  /// Makes a table from the number of tokens of each local row; states start at zero.
  ///
  /// - Parameter element: how states are stored; 16 bits halve the table, which is the bulk of a model's memory.
  package init(counts: some Collection<Int>, width: Int, element: NumberFormat = .fp32) {
    var starts = [0]
    starts.reserveCapacity(counts.count + 1)
    for count in counts { starts.append(starts[starts.count - 1] + count) }
    let tokens = starts[starts.count - 1]
    storage = Storage(count: tokens * width * element.size)
    states = StoredRows(storage.base, element, rows: tokens, columns: width)
    self.starts = starts
    self.width = width
  }

  /// The number of tokens of all local rows.
  package var tokenCount: Int { states.rows }

  /// The tokens of a local row.
  package func tokens(of row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }

  /// The states `[m_i, dt]` of a local row.
  package func states(of row: Int) -> StoredRows { states.rows(tokens(of: row)) }

  /// Writes the mean of a local row's states, dt numbers; zeros without tokens.
  package func mean(of row: Int, into mean: UnsafeMutablePointer<Float>) {
    let states = states(of: row)
    mean.update(repeating: 0, count: width)
    if states.rows > 0 { tokenMean(states, into: Vector(mean, count: width)) }
  }
}

/// The token states of the item that comes some places later in a list: what a kernel fetches while it computes another item.
///
/// The list is known, so nobody has to wait for states that lie anywhere in gigabytes.
struct StatesAhead {
  private let tokens: TokenTable
  private let rows: RowList
  private let distance: Int

  /// Looks `distance` places ahead in `rows`.
  init(_ tokens: TokenTable, _ rows: RowList, distance: Int) {
    (self.tokens, self.rows, self.distance) = (tokens, rows, distance)
  }

  /// The states of the item `distance` places after `item`; none beyond the list.
  func states(after item: Int) -> UnsafeRawBufferPointer? {
    guard item + distance < rows.count else { return nil }
    return UnsafeRawBufferPointer(tokens.states(of: Int(rows[item + distance])).bytes)
  }
}
