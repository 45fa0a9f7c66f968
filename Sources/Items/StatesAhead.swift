import Tensors

/// The token states of the item that comes some places later in a list: what a kernel fetches while it computes another item.
///
/// The list is known, so nobody has to wait for states that lie anywhere in gigabytes.
struct StatesAhead {
  /// Looks `distance` places ahead in `rows`.
  init(_ tokens: TokenTable, _ rows: RowList, distance: Int) {
    (self.tokens, self.rows, self.distance) = (tokens, rows, distance)
  }

  /// The states of the item `distance` places after `item`; none beyond the list.
  func states(after item: Int) -> UnsafeRawBufferPointer? {
    guard item + distance < rows.count else { return nil }
    return UnsafeRawBufferPointer(tokens.states(of: Int(rows[item + distance])).bytes)
  }

  private let tokens: TokenTable
  private let rows: RowList
  private let distance: Int
}
