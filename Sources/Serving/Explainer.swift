package import Datasets
import Evaluation
import Runs
import Tensors

/// Why an item is recommended to a user: what each part of the score adds, and the event that the item is most like.
///
/// The parts are products of columns of the two embeddings: of the model's, of the texts', of the codes (`Blend`). Their sum is the
/// score up to the rounding of a sum in float32.
package struct Explanation: Sendable, Equatable {
  /// An event of the user, and a number that says how much it has to do with the item.
  package struct Event: Sendable, Equatable {
    /// The place in the user's events.
    package let index: Int
    /// What the event adds to the text's part, or the cosine of its item and the recommended one.
    package let value: Float
  }

  /// The catalogue row of the recommended item.
  package let item: Int
  /// What the model adds: of the user's embedding and the item's, as both were trained.
  package let model: Float
  /// What the texts of the user's newest events add; nil of a phase without a blend.
  package let text: Float?
  /// What being the newest item itself adds, or sharing its code; nil of a blend without codes.
  package let newest: Float?
  /// The events whose texts speak, newest first, each with its share of `text`; ten at most.
  package let textEvents: [Event]
  /// The event that the item is most like, by the cosine of their embeddings without codes; the newest of equal ones.
  ///
  /// Nil for an item, or a history, whose embeddings are zero.
  package let mostLike: Event?

  /// The sum of the parts: the score up to rounding.
  package var score: Float { model + (text ?? 0) + (newest ?? 0) }
}

/// Takes scores apart: what a recommendation rests on.
///
/// Looks at the events that the model reads of a user; older ones have no part in a score.
package struct Explainer {
  private let served: ServedModel
  private var catalogue: Catalogue { served.catalogue }
  private var modelColumns: Range<Int> { 0..<catalogue.modelWidth }
  private var textColumns: Range<Int> { catalogue.modelWidth..<catalogue.widthWithoutCodes }
  private var codeColumns: Range<Int> { catalogue.widthWithoutCodes..<served.width }

  /// Explains the scores of a model.
  package init(_ served: ServedModel) { self.served = served }

  /// Why each of some items is recommended to a user.
  ///
  /// Of a streamed catalogue collective, as `ServedModel.embed` is.
  ///
  /// - Parameter history: which of the user's events are read, all unless told otherwise.
  package func explain(
    _ items: [Int], to events: UserEvents, history: ServedModel.HistoryExtent = .all
  ) throws -> [Explanation] {
    let read = served.plan.history.indices(of: events, before: history.end(events))
    let rows = items.map { Int32($0) } + read.map { events.items[$0] }
    return try served.workspace.scope {
      let user = served.workspace.matrix(1, served.width)
      let found = try served.embed([events], history: history, items: rows, into: user)
      let vectors = served.workspace.matrix(rows.count, served.width)
      gather(found.rows, from: found.embeddings, into: vectors)
      let wanted = vectors.rows(0..<items.count)
      let past = vectors.rows(items.count..<rows.count)
      let model = products(user, wanted, modelColumns).values
      let text = catalogue.text.map { _ in products(user, wanted, textColumns).values }
      let newest = codeColumns.isEmpty ? nil : products(user, wanted, codeColumns).values
      let spoken = spoken(user, past, wanted)
      let cosines = cosines(wanted, past)
      return items.indices.map { index in
        Explanation(
          item: items[index], model: model[index], text: text?[index], newest: newest?[index],
          textEvents: spoken[index].map { .init(index: read[$0.index], value: $0.value) },
          mostLike: cosines[index].map { .init(index: read[$0.index], value: $0.value) })
      }
    }
  }

  /// The products of some columns of rows `[a, b]`, in the workspace.
  private func products(_ one: Matrix, _ other: Matrix, _ columns: Range<Int>) -> Matrix {
    let products = served.workspace.matrix(one.rows, other.rows)
    guard products.count > 0 else { return products }
    multiply(
      one.columns(columns), other.columns(columns), rightTransposed: true, into: products, workspace: served.workspace)
    return products
  }

  /// What the text of each event adds to each item's score, newest first; places are those in `history`.
  private func spoken(_ user: Matrix, _ history: Matrix, _ wanted: Matrix) -> [[Explanation.Event]] {
    let weights = served.textWeights(ofOnly: user)
    guard !weights.isEmpty, history.rows > 0 else { return wanted.indices.map { _ in [] } }
    let events = zip(weights, (0..<history.rows).reversed()).filter { $0.0 != 0 }
    let products = products(wanted, history, textColumns)
    return wanted.indices.map { item in
      events.map { weight, event in .init(index: event, value: weight * products[item, event]) }
    }
  }

  /// The event of `history` that each item is most like.
  private func cosines(_ wanted: Matrix, _ history: Matrix) -> [Explanation.Event?] {
    let columns = 0..<catalogue.widthWithoutCodes
    let products = products(wanted, history, columns)
    let (items, events) = (squares(wanted.columns(columns)), squares(history.columns(columns)))
    return wanted.indices.map { item in
      var best: Explanation.Event?
      for event in 0..<history.rows where items[item] > 0 && events[event] > 0 {
        let cosine = products[item, event] / (items[item].squareRoot() * events[event].squareRoot())
        if cosine >= best?.value ?? -.infinity { best = .init(index: event, value: cosine) }
      }
      return best
    }
  }

  private func squares(_ rows: Matrix) -> Vector {
    let squares = served.workspace.vector(rows.rows)
    if rows.rows > 0 { rowDots(rows, rows, into: squares) }
    return squares
  }
}

extension Matrix {
  fileprivate var indices: Range<Int> { 0..<rows }
}
