import Collectives
import Files
import Model
import Tensors

/// The rows of items that a checkpoint does not have, in a model that begins with its numbers.
///
/// docs/model.md, section 1: the ID row of an item never seen in training is the mean of all trained ID rows (ours). Token states
/// stay the data set's, the optimizer's state stays 0.
struct NewRows {
  private let rows: [Int]
  private let isAny: Bool
  private let items: ItemTable

  init(_ match: ItemMatch, _ items: ItemTable) {
    rows = match.newRows
    isAny = match.new > 0
    self.items = items
  }

  /// Gives this rank's new rows their ID halves; collective.
  ///
  /// A checkpoint without a trained row changes nothing.
  func start(from checkpoint: Checkpoint, communicator: any Communicator, checkStop: () throws -> Void) throws {
    guard isAny, items.shape.idWidth > 0 else { return }
    guard let mean = try mean(of: checkpoint, communicator, checkStop) else { return }
    for row in rows { items.ids.row(row).update(from: mean, count: mean.count) }
  }

  /// The mean of the ID rows that have been updated, in the order of the table: the same bits on any number of ranks.
  private func mean(of checkpoint: Checkpoint, _ communicator: any Communicator, _ checkStop: () throws -> Void) throws
    -> [Float]?
  {
    let width = items.shape.idWidth
    var sums: [Double] = []
    var file = 0
    try checkpoint.forEachFile(.items, rows: checkpoint.manifest.items, checkStop) { rows, tensors in
      // Each file is summed up by one rank; adding the others' zeros changes nothing.
      sums += file % communicator.size == communicator.rank ? try sum(rows, tensors) : [Double](repeating: 0, count: width + 1)
      file += 1
    }
    let all = try communicator.sum(sums)
    var total = [Double](repeating: 0, count: width + 1)
    for index in all.indices { total[index % (width + 1)] += all[index] }
    return total[width] == 0 ? nil : total[..<width].map { Float($0 / total[width]) }
  }

  /// The sum of a file's trained ID rows, and behind it their number.
  private func sum(_ rows: Range<Int>, _ file: SafetensorsFile) throws -> [Double] {
    let width = items.shape.idWidth
    // The last state of either rule is one number a row, 0 until the first update.
    guard let state = items.idOptimizer.states.last else { preconditionFailure("a row optimizer without state") }
    var sums = [Double](repeating: 0, count: width + 1)
    try file.withValues("ids", as: Float.self, .f32, shape: [rows.count, width]) { ids in
      try file.withValues("ids.\(state.name)", as: Float.self, .f32, shape: [rows.count, 1]) { updates in
        for row in 0..<rows.count where updates[row] > 0 {
          for column in 0..<width { sums[column] += Double(ids[row * width + column]) }
          sums[width] += 1
        }
      }
    }
    return sums
  }
}
