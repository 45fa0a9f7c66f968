import CKernels
package import Host

/// The relative time bias of one sequence's attention: a number a head and bucket of time, added to the scores.
///
/// Buckets are `floor(ln(max(1, |seconds|)) / 0.301)`, those of HSTU (Zhai and others 2024).
package struct TimeBiasRows {
  let queryAges: UnsafePointer<Int32>
  let keyAges: UnsafePointer<Int32>
  let count: Int
  let bias: Matrix
  let gradient: Matrix

  /// The number of buckets; times that 64 bits of seconds can hold need no more.
  package static var buckets: Int { Int(CK_TIME_BUCKETS) }

  /// Describes the bias of a sequence.
  ///
  /// - Parameters:
  ///   - queryAges: seconds from each query's moment to one that all share, at most 2³⁰ of either sign.
  ///   - keyAges: the same of the keys; as many as queries, or more for the newest position alone.
  ///   - bias: `[heads, buckets]`.
  ///   - gradient: of the same shape; backward adds to it.
  package init(queryAges: UnsafeBufferPointer<Int32>, keyAges: UnsafeBufferPointer<Int32>, bias: Matrix, gradient: Matrix) {
    precondition(
      bias.columns == Self.buckets && gradient.count == bias.count && bias.isContiguous && gradient.isContiguous
        && keyAges.count >= queryAges.count && !queryAges.isEmpty,
      "a time bias of \(bias.shape), its gradient of \(gradient.shape), over \(queryAges.count) and \(keyAges.count) times")
    self.queryAges = queryAges.baseAddress!
    self.keyAges = keyAges.baseAddress!
    count = keyAges.count
    self.bias = bias
    self.gradient = gradient
  }
}

extension TimeBiasRows {
  /// The bucket of a time in seconds, as the kernels count.
  static func bucket(ofSeconds seconds: Int32) -> Int {
    let bias = [Float](repeating: 0, count: buckets)
    var (score, bucket): (Float, UInt8) = (0, 0)
    ck_time_scores(1, 1, 0, [seconds], bias, &score, &bucket)
    return Int(bucket)
  }
}

/// Calls `body` with the bias as the kernels take it; null without one.
private func withTime<Result>(
  _ time: TimeBiasRows?, heads: Int, keys: Int, _ body: (UnsafePointer<ck_time>?) -> Result
) -> Result {
  guard let time else { return body(nil) }
  precondition(
    time.bias.rows == heads && time.count == keys, "a time bias of \(time.bias.shape) for \(heads) heads, \(keys) keys")
  let raw = ck_time(query_ages: time.queryAges, key_ages: time.keyAges, bias: time.bias.base, dbias: time.gradient.base)
  return withUnsafePointer(to: raw, body)
}

/// Attention of one sequence: `out = softmax(q kᵀ / √width) v` per head; q, k, v and out stored alike.
///
/// - Parameters:
///   - qkv: `[length, 3d]`, q | k | v, each split into heads.
///   - causal: whether a position reads only itself and earlier ones.
///   - time: what the time between query and key adds to a score; nil = nothing.
///   - out: `[length, d]`, written.
///   - logSum: `[heads · length]`, kept for backward.
///   - scratch: at least `attentionScratch` floats.
package func attention(
  _ qkv: StoredRows, heads: Int, causal: Bool, time: TimeBiasRows? = nil, into out: StoredRows, logSum: Vector, scratch: Vector
) {
  let headWidth = checkAttention(qkv, heads, out, logSum, scratch)
  withTime(time, heads: heads, keys: qkv.rows) { time in
    var sequence = ck_sequence(
      length: qkv.rows, heads: heads, head_width: headWidth, causal: causal ? 1 : 0, qkv: qkv.base, time: time, out: out.base,
      log_sum: logSum.base, scratch: scratch.base)
    if qkv.element == .fp32 { ck_attention(&sequence) } else { ck_attention_bf16(&sequence) }
  }
}

/// Attention of a sequence's newest position alone, which may read every position; float32.
///
/// - Parameters:
///   - query: `[d]`.
///   - keysValues: `[length, 2d]`, k | v, each split into heads; `length` is at least 1.
///   - out: `[d]`, written.
///   - time: as for `attention`, its first query.
///   - scratch: at least `2 length` floats.
package func attentionOfNewest(
  _ query: Vector, _ keysValues: Matrix, heads: Int, time: TimeBiasRows? = nil, into out: Vector, scratch: Vector
) {
  precondition(
    query.count % heads == 0 && keysValues.columns == 2 * query.count && out.count == query.count && keysValues.isContiguous
      && keysValues.rows > 0 && scratch.count >= 2 * keysValues.rows,
    "attention of \(query.count) columns in \(heads) heads over \(keysValues.shape) into \(out.count)")
  withTime(time, heads: heads, keys: keysValues.rows) { time in
    ck_attention_newest(
      keysValues.rows, heads, query.count / heads, query.base, keysValues.base, time, out.base, scratch.base)
  }
}

/// Writes `dQKV` `[length, 3d]` from `dOut` `[length, d]`, and adds to the time bias's gradient.
package func attentionBackward(
  _ qkv: StoredRows, heads: Int, causal: Bool, time: TimeBiasRows? = nil, out: StoredRows, logSum: Vector, dOut: Matrix,
  dQKV: StoredRows, scratch: Vector
) {
  let headWidth = checkAttention(qkv, heads, out, logSum, scratch)
  precondition(
    dOut.count == out.count && dQKV.count == qkv.count && dOut.isContiguous && dQKV.element == qkv.element,
    "attention backward of \(dOut.shape) into \(dQKV.shape)")
  withTime(time, heads: heads, keys: qkv.rows) { time in
    var sequence = ck_sequence(
      length: qkv.rows, heads: heads, head_width: headWidth, causal: causal ? 1 : 0, qkv: qkv.base, time: time, out: out.base,
      log_sum: logSum.base, scratch: scratch.base)
    if let gradients = dQKV.floats {
      ck_attention_backward(&sequence, dOut.base, gradients.base)
    } else {
      ck_attention_bf16_backward(&sequence, dOut.base, dQKV.bf16Base)
    }
  }
}

/// The floats of scratch that attention over sequences up to `length` needs.
package func attentionScratch(length: Int, headWidth: Int, precision: NumberFormat = .fp32) -> Int {
  precision == .bf16 ? ck_attention_bf16_scratch(length, headWidth) : ck_attention_scratch(length, headWidth)
}

private func checkAttention(_ qkv: StoredRows, _ heads: Int, _ out: StoredRows, _ logSum: Vector, _ scratch: Vector) -> Int {
  let width = out.columns
  precondition(
    width % heads == 0 && qkv.columns == 3 * width && qkv.rows == out.rows && qkv.element == out.element
      && logSum.count == heads * qkv.rows,
    "attention of \(heads) heads over \(qkv.shape) into \(out.shape)")
  let precision: NumberFormat = qkv.floats == nil ? .bf16 : .fp32
  precondition(precision == .fp32 || width / heads % 2 == 0, "bfloat16 attention of heads of \(width / heads)")
  precondition(
    scratch.count >= attentionScratch(length: qkv.rows, headWidth: width / heads, precision: precision),
    "attention scratch of \(scratch.count)")
  return width / heads
}
