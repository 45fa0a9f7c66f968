package import Datasets
import Files

/// What a model knows of a data set that has grown since it was trained: its own data set beside the newer one.
///
/// Ours. Items are matched by their ids, so the two need not number them alike. An item that the model's data set lacks is new to
/// it, and so is one without a training event there, however many the newer data set has.
package final class Lineage: Sendable {
  /// The data set that the model was trained on.
  package let trained: Dataset
  /// Of each item of the newer data set its row in the model's own, -1 for one that is new `[V]`.
  package let rows: [Int32]
  /// Items that both data sets have.
  package let known: Int
  /// Items that only the model's own has.
  package let gone: Int
  /// Training events of each item in the model's own data set `[V]`; valid while this object lives.
  package nonisolated(unsafe) let trainCounts: UnsafeBufferPointer<UInt32>

  /// Items that only the newer data set has.
  package var new: Int { rows.count - known }

  /// Matches the items of a newer data set with those of a model's own.
  ///
  /// Throws `InputError` when the two have nothing to do with each other.
  package init(of newer: Dataset, trained: Dataset) throws {
    self.trained = trained
    let rows = (0..<newer.items.count).map { Int32(trained.items.index(of: newer.items.id($0)) ?? -1) }
    known = rows.count { $0 >= 0 }
    guard known > 0, newer.isKeyedByScene == trained.isKeyedByScene else {
      throw InputError(
        "\(newer.path) has no item of \(trained.path), on which the run was trained; give a data set that precise prepare "
          + "--append made of it")
    }
    gone = trained.items.count - known
    self.rows = rows
    let counts = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: rows.count)
    _ = counts.initialize(from: rows.map { $0 >= 0 ? trained.items.trainCounts[Int($0)] : 0 })
    trainCounts = UnsafeBufferPointer(counts)
  }

  deinit { trainCounts.deallocate() }
}
