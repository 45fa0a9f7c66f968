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

  /// Writes the users of a batch `[B, d]`, whose items are rows of the whole catalogue.
  public func encode(_ batch: SequenceBatch, catalogue: Matrix, into users: Matrix, workspace: Workspace) {
    encode(batch, items: batch.items.values, of: catalogue, into: users, workspace: workspace)
  }

  /// Writes the users of a batch `[B, d]`, whose positions' items are the rows `items` of `embeddings`.
  ///
  /// A user without any event gets zeros.
  public func encode(
    _ batch: SequenceBatch, items: RowList, of embeddings: Matrix, into users: Matrix, workspace: Workspace
  ) {
    precondition(users.rows == batch.users, "\(batch.users) users into \(users.shape)")
    guard batch.users > 0 else { return }
    workspace.scope {
      let packed = batch.packed
      let input = SequenceEmbedding.Input(
        items: items, scenes: batch.scenes.values, behaviors: batch.behaviors.values)
      if let head = model.userHead {
        let mode = ForwardMode.inference(causal: false)
        let encoded = model.encode(embeddings, input: input, batch: packed, mode: mode, workspace: workspace)
        _ = head.forward(encoded.hidden, batch: packed, into: users, workspace: workspace)
      } else {
        let newest = model.encodeNewest(embeddings, input: input, batch: packed, workspace: workspace)
        users.base.update(from: newest.base, count: newest.count)
      }
      for user in 0..<packed.users where packed.rows(of: user).isEmpty { users.rows(user..<user + 1).clear() }
    }
  }
}
