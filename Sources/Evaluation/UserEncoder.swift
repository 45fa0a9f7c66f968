public import Batches
import Kernels
import Layers
public import Model
public import Tensors

/// Users' embeddings from their histories: h of the newest event (universal) or h' of the user head (targeted).
public struct UserEncoder {
  /// The model.
  public let model: PreciseModel

  /// Encodes with a model of either phase: with a user head, the transformer is unmasked.
  public init(_ model: PreciseModel) { self.model = model }

  /// Writes the users of a batch `[B, d]`; a user without any event gets zeros.
  public func encode(_ batch: SequenceBatch, catalogue: Matrix, into users: Matrix, workspace: Workspace) {
    precondition(users.rows == batch.users, "\(batch.users) users into \(users.shape)")
    workspace.scope {
      let packed = PackedBatch(starts: batch.starts.values, rowKeys: batch.rowKeys.base)
      let input = SequenceEmbedding.Input(
        items: batch.items.values, scenes: batch.scenes.values, behaviors: batch.behaviors.values)
      let mode = ForwardMode.inference(causal: model.userHead == nil)
      let encoded = model.encode(catalogue, input: input, batch: packed, mode: mode, workspace: workspace)
      users.clear()
      if let head = model.userHead {
        _ = head.forward(encoded.hidden, batch: packed, into: users, workspace: workspace)
      }
      for user in 0..<packed.users {
        let rows = packed.rows(of: user)
        if rows.isEmpty {
          users.rows(user..<user + 1).clear()
        } else if model.userHead == nil {
          users.row(user).update(from: encoded.hidden.row(rows.upperBound - 1), count: users.columns)
        }
      }
    }
  }
}
