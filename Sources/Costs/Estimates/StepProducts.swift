import Foundation
import Host
import Model
import Tensors

/// The matrix products of a training step, with the numbers of times each is formed: what a step could not do without.
///
/// Measured alone they are the ceiling that a step is held against. Only the k active experts are counted.
struct StepProducts {
  /// One product: op(A) `[m, k]` times op(B) `[k, n]`, formed `times` times a step.
  struct Product {
    let part: StepPart
    var m: Int
    var n: Int
    var k: Int
    var transposeA = false
    var times = 1

    var operations: Double { 2 * Double(m) * Double(n) * Double(k) * Double(times) }
  }

  let products: [Product]
  private static let encoding = (forward: StepPart.encode, backward: StepPart.encodeBackward)

  /// - Parameters:
  ///   - positions: T, the packed positions of a step.
  ///   - queries: rows of the sampled softmax (T, or B in a targeted phase).
  ///   - items: O, the distinct items that the rank embeds.
  ///   - negatives: N after duplicates are removed.
  init(_ shape: ModelShape, positions: Int, queries: Int, users: Int, items: Int, negatives: Int) {
    let (d, fusion) = (shape.fusion.width, shape.fusion)
    var products: [Product] = []
    let gates = shape.isGated ? [(d, d), (d, d), (d, 4 * d)] : []
    for (inputs, outputs) in [(d, 3 * d), (d, d), (d, 4 * d), (4 * d, d)] + gates {
      products += Self.trio(Self.encoding, rows: positions, inputs: inputs, outputs: outputs, times: shape.layers)
    }
    let rows = min(SampledSoftmax.blockRows, max(queries, 1))
    let blocks = (queries + rows - 1) / rows
    products += [
      Product(part: .loss, m: rows, n: negatives, k: d, times: blocks),
      Product(part: .loss, m: rows, n: d, k: negatives, times: blocks),
      Product(part: .loss, m: negatives, n: d, k: rows, transposeA: true, times: blocks),
    ]
    if fusion.readsText {
      let group = max(items * fusion.active / fusion.experts, 1)
      products += Self.trio(
        (.embed, .items), rows: group, inputs: fusion.tokenWidth, outputs: fusion.semanticWidth, times: fusion.experts)
    }
    if shape.userHead != nil {
      products += Self.trio(Self.encoding, rows: users, inputs: shape.length * d, outputs: 2 * d, times: 1)
      products += Self.trio(Self.encoding, rows: users, inputs: 2 * d, outputs: d, times: 1)
    }
    self.products = products
  }

  /// Floating-point operations of a step's products.
  var operations: Double { products.reduce(0) { $0 + $1.operations } }

  /// Those of one part of the step.
  func operations(of part: StepPart) -> Double { products.reduce(0) { $0 + ($1.part == part ? $1.operations : 0) } }

  /// Forms every product alone and returns the seconds of a step's worth: the best of a few tries each.
  func measure(_ precision: NumberFormat, tries: Int = 5) -> Double {
    products.reduce(0) { $0 + Self.best($1, precision, tries: tries) * Double($1.times) }
  }

  /// y = x W, dX = dY Wᵀ, dW = xᵀ dY of a linear layer.
  private static func trio(
    _ parts: (forward: StepPart, backward: StepPart), rows: Int, inputs: Int, outputs: Int, times: Int
  ) -> [Product] {
    [
      Product(part: parts.forward, m: rows, n: outputs, k: inputs, times: times),
      Product(part: parts.backward, m: rows, n: inputs, k: outputs, times: times),
      Product(part: parts.backward, m: inputs, n: outputs, k: rows, transposeA: true, times: times),
    ]
  }

  /// Seconds of one product as a step forms it, the best of a few tries: a gradient's right factor is packed each time, a weight or
  /// a table of negatives once a step, beforehand.
  static func best(_ product: Product, _ precision: NumberFormat, tries: Int) -> Double {
    let workspace = Workspace(chunkBytes: 1 << 20)
    let b = zeros(product.k, product.n, precision, workspace)
    let c = workspace.zeros(product.m, product.n)
    let packed = PackedFactor(b, workspace: workspace)
    let (rows, columns) = product.transposeA ? (product.k, product.m) : (product.m, packed.storedDepth)
    let a = zeros(rows, columns, precision, workspace)
    return (0...tries).map { _ -> Double in
      let start = DispatchTime.now().uptimeNanoseconds
      if product.transposeA {
        addProduct(ofTransposed: a, b, to: c, workspace: workspace)
      } else {
        multiply(a, packed, into: c)
      }
      return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    }.dropFirst().min() ?? 0
  }

  private static func zeros(_ rows: Int, _ columns: Int, _ precision: NumberFormat, _ workspace: Workspace) -> StoredRows {
    let zeros = workspace.rows(rows, columns, precision)
    zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    return zeros
  }
}
