import Foundation
import Tensors

/// Softmax attention of one sequence as the formula says, in double precision: the kernels' plain twin.
struct AttentionTwin {
  let length: Int
  let heads: Int
  let width: Int
  let causal: Bool
  /// The time bias: a number a head and bucket, and the bucket of each pair of positions; none without.
  var bias: [[Double]] = []
  var bucket: (Int, Int) -> Int = { _, _ in 0 }
  /// q | k | v, `[length, 3 · heads · width]`.
  let qkv: [Double]

  init(_ qkv: Matrix, heads: Int, causal: Bool) {
    length = qkv.rows
    self.heads = heads
    width = qkv.columns / heads / 3
    self.causal = causal
    self.qkv = qkv.values.map(Double.init)
  }

  private var wide: Int { heads * width }

  /// Where part 0 (q), 1 (k) or 2 (v) of a position's head starts.
  private func start(_ part: Int, _ head: Int, _ position: Int) -> Int { position * 3 * wide + part * wide + head * width }

  /// The weights of a query over the keys that it reads, and the logarithm of their sum before normalizing.
  private func weights(_ head: Int, _ query: Int, _ x: UnsafeBufferPointer<Double>) -> (weights: [Double], logSum: Double) {
    let reach = causal ? query + 1 : length
    var scores = [Double](repeating: 0, count: reach)
    for key in 0..<reach {
      let (q, k) = (start(0, head, query), start(1, head, key))
      var sum = 0.0
      for c in 0..<width { sum += x[q + c] * x[k + c] }
      scores[key] = sum / Double(width).squareRoot() + (bias.isEmpty ? 0 : bias[head][bucket(query, key)])
    }
    let top = scores.max() ?? 0
    let total = scores.reduce(0) { $0 + exp($1 - top) }
    return (scores.map { exp($0 - top) / total }, top + log(total))
  }

  /// out `[length, heads · width]` and log sums `[heads · length]`.
  func forward() -> (out: [Float], logSums: [Float]) {
    var out = [Double](repeating: 0, count: length * wide)
    var logSums: [Float] = []
    qkv.withUnsafeBufferPointer { x in
      for head in 0..<heads {
        for query in 0..<length {
          let (weights, logSum) = weights(head, query, x)
          logSums.append(Float(logSum))
          for (key, weight) in weights.enumerated() {
            let v = start(2, head, key)
            for c in 0..<width { out[query * wide + head * width + c] += weight * x[v + c] }
          }
        }
      }
    }
    return (out.map(Float.init), logSums)
  }

  /// dQKV `[length, 3 · heads · width]` from dOut `[length, heads · width]`.
  func backward(_ dOut: Matrix) -> [Float] { gradients(dOut).dQKV }

  /// The same with the time bias's gradient, head by head.
  func gradients(_ dOut: Matrix) -> (dQKV: [Float], dBias: [Float]) {
    var dBias = bias.map { $0.map { _ in 0.0 } }
    var gradient = [Double](repeating: 0, count: qkv.count)
    let d = dOut.values.map(Double.init)
    let factor = 1 / Double(width).squareRoot()
    qkv.withUnsafeBufferPointer { x in
      for head in 0..<heads {
        for query in 0..<length {
          let (weights, _) = weights(head, query, x)
          let (o, q) = (query * wide + head * width, start(0, head, query))
          var dWeights = weights
          for key in weights.indices {
            let v = start(2, head, key)
            dWeights[key] = 0
            for c in 0..<width {
              dWeights[key] += d[o + c] * x[v + c]
              gradient[v + c] += weights[key] * d[o + c]
            }
          }
          let mean = zip(weights, dWeights).reduce(0) { $0 + $1.0 * $1.1 }
          for key in weights.indices {
            let dScore = weights[key] * (dWeights[key] - mean) * factor
            if !bias.isEmpty { dBias[head][bucket(query, key)] += dScore / factor }
            let k = start(1, head, key)
            for c in 0..<width {
              gradient[q + c] += dScore * x[k + c]
              gradient[k + c] += dScore * x[q + c]
            }
          }
        }
      }
    }
    return (gradient.map(Float.init), dBias.joined().map(Float.init))
  }
}
