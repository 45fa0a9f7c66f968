import Batches
import Tensors

/// How large a rank's slice of a phase's steps becomes at most, as far as one can tell before the first.
///
/// Ours: the first sixteen steps are filled, and the largest of very many is taken to lie five standard deviations above their mean, but
/// no sequence is longer than the model's. Exact where every sequence is full.
struct LargestSlice {
  /// Users of the slice.
  private(set) var users = 0
  /// Packed positions of the slice.
  private(set) var positions = 0
  /// Virtual shards of the slice.
  private(set) var shards = 0

  init(_ source: any BatchSource, steps: Int, length: Int) {
    let looks = min(max(steps, 1), 16)
    let batch = SequenceBatch()
    var (sum, squares) = (0.0, 0.0)
    for step in 0..<looks {
      source.fill(batch, step: step)
      (users, shards) = (max(users, batch.users), batch.shardStarts.count - 1)
      sum += Double(batch.positions)
      squares += Double(batch.positions) * Double(batch.positions)
    }
    let mean = sum / Double(looks)
    let deviation = max(squares / Double(looks) - mean * mean, 0).squareRoot()
    positions = min(users * length, Int((mean + 5 * deviation).rounded(.up)))
  }
}
