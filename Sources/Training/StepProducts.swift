import Foundation
import Items
import Kernels
import Model
import Tensors

/// The matrix products of a training step, with the numbers of times each is formed: what a step could not do without.
///
/// Measured alone they are the ceiling that a step is held against. Only the k active experts are counted.
struct StepProducts {
  /// One product: op(A) `[m, k]` times op(B) `[k, n]`, formed `times` times a step.
  struct Product {
    var m: Int
    var n: Int
    var k: Int
    var transposeA = false
    var times = 1

    var operations: Double { 2 * Double(m) * Double(n) * Double(k) * Double(times) }
  }

  let products: [Product]

  /// - Parameters:
  ///   - positions: T, the packed positions of a step.
  ///   - queries: rows of the sampled softmax (T, or B in a targeted phase).
  ///   - items: U, the distinct items of a step.
  ///   - negatives: N after duplicates are removed.
  init(_ shape: ModelShape, positions: Int, queries: Int, users: Int, items: Int, negatives: Int) {
    let (d, fusion) = (shape.fusion.width, shape.fusion)
    var products: [Product] = []
    for (inputs, outputs) in [(d, 3 * d), (d, d), (d, 4 * d), (4 * d, d)] {
      products += Self.trio(rows: positions, inputs: inputs, outputs: outputs, times: shape.layers)
    }
    let rows = min(256, max(queries, 1))
    let blocks = (queries + rows - 1) / rows
    products += [
      Product(m: rows, n: negatives, k: d, times: blocks), Product(m: rows, n: d, k: negatives, times: blocks),
      Product(m: negatives, n: d, k: rows, transposeA: true, times: blocks),
    ]
    if fusion.readsText {
      let group = max(items * fusion.active / fusion.experts, 1)
      products += Self.trio(
        rows: group, inputs: fusion.tokenWidth, outputs: fusion.semanticWidth, times: fusion.experts)
    }
    if shape.userHead != nil {
      products += Self.trio(rows: users, inputs: shape.length * d, outputs: 2 * d, times: 1)
      products += Self.trio(rows: users, inputs: 2 * d, outputs: d, times: 1)
    }
    self.products = products
  }

  /// Floating-point operations of a step's products.
  var operations: Double { products.reduce(0) { $0 + $1.operations } }

  /// Forms every product alone and returns the seconds of a step's worth: the best of a few tries each.
  func measure(_ precision: Precision, tries: Int = 5) -> Double {
    products.reduce(0) { $0 + Self.best($1, precision, tries: tries) * Double($1.times) }
  }

  /// y = x W, dX = dY Wᵀ, dW = xᵀ dY of a linear layer.
  private static func trio(rows: Int, inputs: Int, outputs: Int, times: Int) -> [Product] {
    [
      Product(m: rows, n: outputs, k: inputs, times: times),
      Product(m: rows, n: inputs, k: outputs, times: times),
      Product(m: inputs, n: outputs, k: rows, transposeA: true, times: times),
    ]
  }

  /// The seconds of one product as a step forms it: the right factor is packed when it is not a weight, which is packed once a step.
  private static func best(_ product: Product, _ precision: Precision, tries: Int) -> Double {
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

  private static func zeros(_ rows: Int, _ columns: Int, _ precision: Precision, _ workspace: Workspace) -> StoredRows {
    let zeros = workspace.rows(rows, columns, precision)
    zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    return zeros
  }
}
