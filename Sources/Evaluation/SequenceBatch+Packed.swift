public import Batches
public import Layers
import Tensors

extension SequenceBatch {
  /// The sequences as the model reads them; valid until the batch is filled again.
  public var packed: PackedBatch {
    PackedBatch(
      starts: starts.values, rowKeys: rowKeys.base, times: PackedBatch.Times(events: times.base, requests: requestTimes.base))
  }
}
