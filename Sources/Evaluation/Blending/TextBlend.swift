package import Model
package import Tensors
package import Texts

/// What a blend adds to the embeddings of items and users, behind the model's: their text, and the code of items where it counts.
///
///     item [ t_j | c_j ]        user [ Σ_k β ρᵏ t(i_{n−k}) | γ c(i_n) ]
package struct TextBlend: Sendable {
  /// The vectors.
  package let vectors: TextVectors
  /// The weights.
  package let blend: Blend
  private let repeatWeight: Float

  /// Puts vectors and weights together.
  package init(_ vectors: TextVectors, _ blend: Blend) {
    (self.vectors, self.blend) = (vectors, blend)
    repeatWeight = Float(blend.repeatWeight ?? 0)
  }

  /// The numbers that are added.
  package var width: Int { vectors.width + (hasCodes ? ItemCode.width : 0) }

  /// Whether items have their codes.
  package var hasCodes: Bool { repeatWeight != 0 }

  /// Writes what is added to an item of the catalogue, `width` numbers.
  package func copy(_ item: Int, into part: UnsafeMutablePointer<Float>) {
    vectors.copy(item, into: part)
    if hasCodes { ItemCode.write(item, 1, into: part + vectors.width) }
  }

  /// The weights of a user's newest events, newest first: β ρᵏ of the user's state, of the events that count.
  ///
  /// - Parameters:
  ///   - history: the user's items, oldest first.
  ///   - confidence: how sure the model is of the user.
  ///   - scratch: twice the width of a text vector.
  func weights(_ history: RowList, confidence: Float, scratch: Vector) -> [Float] {
    let cell = blend.cell(confidence: confidence, likeness: vectors.likeness(history, scratch: scratch))
    return blend.cells[cell].lags
  }

  /// Writes what is added to a user, `width` numbers.
  ///
  /// - Parameters:
  ///   - history: the user's items, oldest first.
  ///   - confidence: how sure the model is of the user.
  ///   - scratch: twice the width of a text vector.
  package func query(
    _ history: RowList, confidence: Float, into query: UnsafeMutablePointer<Float>, scratch: Vector
  ) {
    vectors.query(history, weights: weights(history, confidence: confidence, scratch: scratch), into: query, scratch: scratch)
    guard hasCodes else { return }
    guard history.count > 0 else { return (query + vectors.width).update(repeating: 0, count: ItemCode.width) }
    ItemCode.write(Int(history[history.count - 1]), repeatWeight, into: query + vectors.width)
  }
}

extension TextVectors {
  /// Writes Σ_k w_k t(i_{n−k}) `[w]` of a history, oldest first, with weights newest first.
  ///
  /// - Parameter scratch: `w` numbers.
  package func query(_ history: RowList, weights: [Float], into query: UnsafeMutablePointer<Float>, scratch: Vector) {
    query.update(repeating: 0, count: width)
    for (weight, item) in zip(weights, history.reversed()) {
      copy(Int(item), into: scratch.base)
      for column in 0..<width { query[column] += weight * scratch[column] }
    }
  }

  /// The product of the two newest events' vectors; −1 for a history of fewer, below any two events that are merely unlike.
  ///
  /// - Parameter scratch: `2 · w` numbers.
  package func likeness(_ history: RowList, scratch: Vector) -> Float {
    guard history.count > 1 else { return -1 }
    let (newest, before) = (scratch.base, scratch.base + width)
    copy(Int(history[history.count - 1]), into: newest)
    copy(Int(history[history.count - 2]), into: before)
    var product: Float = 0
    for column in 0..<width { product += newest[column] * before[column] }
    return product
  }
}

/// A short code of an item, by which a product of two embeddings tells that they are of the same item.
///
/// One of `width` columns is 1, chosen by a hash of the item's row, so one other item in `width` has the same code. Random directions
/// would be as short and touch every other item a little; measured, that costs more. Ours; docs/model.md, section 7.
package enum ItemCode {
  /// The numbers of a code.
  package static let width = 64

  /// The column that is not 0.
  @inline(__always)
  package static func column(_ item: Int) -> Int {
    // The top bits of a product with 2⁶⁴ / φ (Knuth, volume 3, 6.4) would leave neighbors in step; mixed, they are not.
    var bits = UInt64(truncatingIfNeeded: item) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits &>> 32)) &* 0xD6E8_FEB8_6659_FD93
    return Int((bits ^ (bits &>> 32)) % UInt64(width))
  }

  /// Writes an item's code times a weight.
  package static func write(_ item: Int, _ weight: Float, into code: UnsafeMutablePointer<Float>) {
    code.update(repeating: 0, count: width)
    code[column(item)] = weight
  }
}
