import Datasets
import Tensors

/// How large a rank's slice of a phase's steps becomes at most, as far as one can tell before the first.
///
/// Ours: the first sixteen steps are filled, and the largest of very many is taken to lie five standard deviations above their mean, but
/// no sequence is longer than the model's; so are users, of which ranks have more in one step and fewer in another. Exact where every
/// sequence is full and every step takes the same users.
struct LargestSlice {
  /// Users of the slice.
  private(set) var users = 0
  /// Packed positions of the slice.
  private(set) var positions = 0

  init(_ source: any BatchSource, steps: Int, length: Int) {
    let looks = min(max(steps, 1), 16)
    let batch = SequenceBatch()
    var (userCounts, positionCounts) = (Spread(), Spread())
    for step in 0..<looks {
      source.fill(batch, step: step)
      userCounts.add(Double(batch.users))
      positionCounts.add(Double(batch.positions))
    }
    users = min(source.order.largest, userCounts.most)
    positions = min(users * length, positionCounts.most)
  }

  /// Numbers that were seen, and what is beyond those that were not.
  private struct Spread {
    var (count, sum, squares) = (0.0, 0.0, 0.0)

    mutating func add(_ value: Double) {
      (count, sum, squares) = (count + 1, sum + value, squares + value * value)
    }

    /// Five standard deviations above the mean.
    var most: Int {
      let mean = sum / count
      return Int((mean + 5 * max(squares / count - mean * mean, 0).squareRoot()).rounded(.up))
    }
  }
}
