package import Datasets
package import Model
package import Tensors
import Texts

/// Embeds blocks of users from their histories, with the embeddings of further items that the block needs.
///
/// One way for a whole catalogue and a streamed one: the distinct items of the block are looked up, all at once.
package final class UserEmbedder {
  /// What was looked up, in the workspace.
  package struct Items {
    /// The embeddings of the block's distinct items `[U, d]`.
    package let embeddings: Matrix
    /// Rows of `embeddings`, one for each entry of `items`.
    package let rows: RowList
  }

  /// The users' histories; filled by the caller.
  package let batch = SequenceBatch()
  /// Catalogue rows of further items, in any order, repeated or not; filled by the caller.
  package let items = NumberList<Int32>()
  /// Made when an evaluation asks: serving needs none.
  private(set) lazy var distinct = DistinctItems(of: catalogue.items)
  private let encoder: UserEncoder
  private let catalogue: Catalogue
  private let unique = UniqueRows()

  /// Embeds with a model and the catalogue of its items.
  package init(_ model: PreciseModel, _ catalogue: Catalogue) {
    encoder = UserEncoder(model)
    self.catalogue = catalogue
  }

  /// The width of a user's embedding.
  var width: Int { catalogue.width }

  /// Whether no training event shows an item.
  func isUnseen(_ item: Int32) -> Bool { catalogue.isUnseen(item) }

  /// Forgets users and items, for the next block.
  package func removeAll() {
    batch.removeAll()
    items.removeAll()
  }

  /// Writes the users of `batch` `[B, d]`, with a text blend `[h ; …]` `[B, d + w]` (`TextBlend`), and finds the embeddings of `items`.
  ///
  /// Of a streamed catalogue collective: a rank that has no more users takes part with none.
  package func embed(into users: Matrix, workspace: Workspace) throws -> Items {
    unique.collect(batch.items.values, items.values)
    let embeddings = workspace.matrix(unique.count, catalogue.width)
    try catalogue.embed(unique.rows, into: embeddings, workspace: workspace)
    let rows = workspace.take(Int32.self, items.count)
    unique.locate(items.values, into: rows)
    workspace.scope {
      let indices = workspace.take(Int32.self, batch.positions)
      unique.locate(batch.items.values, into: indices)
      let inputs = catalogue.text == nil ? embeddings : workspace.matrix(unique.count, catalogue.modelWidth)
      if catalogue.text != nil { catalogue.inputs(unique.rows, from: embeddings, into: inputs) }
      let own = workspace.matrix(batch.users, catalogue.modelWidth)
      encoder.encode(
        batch, items: RowList(start: indices, count: batch.positions), of: inputs, into: own, workspace: workspace)
      for user in 0..<batch.users { users.row(user).update(from: own.row(user), count: own.columns) }
      if let text = catalogue.text { readTexts(text, own, users.columns(catalogue.modelWidth..<catalogue.width), workspace) }
    }
    return Items(embeddings: embeddings, rows: RowList(start: rows, count: items.count))
  }

  /// Writes what a blend adds to users, by their newest events `[B, w]`.
  ///
  /// - Parameter own: what the model makes of the users `[B, d]`.
  private func readTexts(_ text: TextBlend, _ own: Matrix, _ queries: Matrix, _ workspace: Workspace) {
    let scratch = workspace.vector(2 * text.vectors.width)
    let confidences = workspace.vector(own.rows)
    catalogue.confidence(own, into: confidences, workspace: workspace)
    for user in 0..<batch.users {
      text.query(batch.history(of: user), confidence: confidences[user], into: queries.row(user), scratch: scratch)
    }
  }
}

extension UserEmbedder {
  /// The weights of the text of each newest event, newest first, of the user in a slot of `batch`; none without a text blend.
  ///
  /// - Parameter users: the users' embeddings, as `embed` wrote them.
  package func textWeights(of slot: Int, _ users: Matrix, workspace: Workspace) -> [Float] {
    guard let text = catalogue.text else { return [] }
    return workspace.scope {
      let confidence = workspace.vector(1)
      catalogue.confidence(
        users.rows(slot..<slot + 1).columns(0..<catalogue.modelWidth), into: confidence, workspace: workspace)
      return text.weights(
        batch.history(of: slot), confidence: confidence[0], scratch: workspace.vector(2 * text.vectors.width))
    }
  }
}

/// Users' embeddings from their histories: h of the newest event (universal) or h' of the user head (targeted).
struct UserEncoder {
  /// The model.
  package let model: PreciseModel

  /// Encodes with a model of either phase: with a user head, the transformer is unmasked.
  init(_ model: PreciseModel) { self.model = model }

  /// Writes the users of a batch `[B, d]`, whose positions' items are the rows `items` of `embeddings`.
  ///
  /// A user without any event gets zeros.
  package func encode(
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

extension SequenceBatch {
  /// The sequences as the model reads them; valid until the batch is filled again.
  package var packed: PackedBatch {
    PackedBatch(
      starts: starts.values, rowKeys: rowKeys.base, times: PackedBatch.Times(events: times.base, requests: requestTimes.base))
  }
}
