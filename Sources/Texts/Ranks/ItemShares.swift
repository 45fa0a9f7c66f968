import Collectives

/// How a data set's items are cut into shares, a rank each: ranges one behind the other, of about the same work.
///
/// Ours. By work rather than by count, because items with long texts may stand together. What is written does not depend on the cut.
package enum ItemShares {
  /// The fewest items that are worth a rank of their own: a tenth of a second, against a thread's start, its memory of words that it
  /// has met, and what ranks tell each other.
  package static let fewestItems = 2048

  /// How much work a text of so many bytes is: these, as far as `words` words of the usual eight would be read.
  static func work(ofText bytes: Int, words: Int) -> Int { min(bytes, 8 * words) }

  /// The items that are this rank's; nobody need be asked.
  ///
  /// - Parameter weight: how much work an item is, 0 or more.
  static func own(_ communicator: any Communicator, count: Int, weight: (Int) -> Int) -> Range<Int> {
    guard communicator.size > 1 else { return 0..<count }
    // One more for each, so that items without a text are work too.
    return Shares.range(of: communicator.rank, ranks: communicator.size, count: count) { weight($0) + 1 }
  }
}
