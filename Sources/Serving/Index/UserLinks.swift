import Tensors

/// The items that stand beside each other in users' lists of best items: what a search for a user goes along.
///
/// Ours, after the bipartite graph of RoarGraph (Chen et al. 2024, section 4): items that are near each other are often not those that are
/// best for one user, and a graph of items alone leads a search for users past many of them.
struct UserLinks {
  /// Of each user's list the best ones.
  static let depth = 100
  /// How far apart in a list two items may be.
  private static let reach = 2

  /// Where each item's pairs begin.
  private let starts: [Int]
  /// Items that stand beside each item, repeated as often as they do.
  private let pairs: [Int32]

  /// Counts the pairs of some lists of `items` items.
  init(_ lists: [[TopItems.Entry]], items: Int) {
    var starts = [Int](repeating: 0, count: items + 1)
    for list in lists { Self.forEachPair(list) { item, _ in starts[item + 1] += 1 } }
    for item in 0..<items { starts[item + 1] += starts[item] }
    var (pairs, next) = ([Int32](repeating: 0, count: starts[items]), starts)
    for list in lists {
      Self.forEachPair(list) { item, other in
        pairs[next[item]] = Int32(other)
        next[item] += 1
      }
    }
    (self.starts, self.pairs) = (starts, pairs)
  }

  private static func forEachPair(_ list: [TopItems.Entry], _ body: (Int, Int) -> Void) {
    for place in list.indices {
      for other in max(0, place - reach)..<min(list.count, place + reach + 1) where other != place {
        body(list[place].item, list[other].item)
      }
    }
  }

  /// The items that stand beside an item, most often first; of equally frequent ones the lower row.
  func others(of item: Int) -> [Int32] {
    var counts: [(item: Int32, count: Int)] = []
    for other in pairs[starts[item]..<starts[item + 1]].sorted() {
      if counts.last?.item == other { counts[counts.count - 1].count += 1 } else { counts.append((other, 1)) }
    }
    return counts.sorted { ($1.count, $0.item) < ($0.count, $1.item) }.map(\.item)
  }
}
