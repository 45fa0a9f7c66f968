import CKernels
public import Tensors

/// Attention of one sequence: `out = softmax(q kᵀ / √width) v` per head; q, k, v and out stored alike.
///
/// - Parameters:
///   - qkv: `[length, 3d]`, q | k | v, each split into heads.
///   - causal: whether a position reads only itself and earlier ones.
///   - out: `[length, d]`, written.
///   - logSum: `[heads · length]`, kept for backward.
///   - scratch: at least `attentionScratch` floats.
public func attention(_ qkv: StoredRows, heads: Int, causal: Bool, into out: StoredRows, logSum: Vector, scratch: Vector) {
  let headWidth = checkAttention(qkv, heads, out, logSum, scratch)
  if let floats = qkv.floats, let outFloats = out.floats {
    ck_attention(
      qkv.rows, heads, headWidth, causal ? 1 : 0, floats.base, outFloats.base, logSum.base, scratch.base)
  } else {
    ck_attention_bf16(
      qkv.rows, heads, headWidth, causal ? 1 : 0, qkv.bf16Base, out.bf16Base, logSum.base, scratch.base)
  }
}

/// Attention of a sequence's newest position alone, which may read every position; float32.
///
/// - Parameters:
///   - query: `[d]`.
///   - keysValues: `[length, 2d]`, k | v, each split into heads; `length` is at least 1.
///   - out: `[d]`, written.
///   - scratch: at least `length` floats.
public func attentionOfNewest(_ query: Vector, _ keysValues: Matrix, heads: Int, into out: Vector, scratch: Vector) {
  precondition(
    query.count % heads == 0 && keysValues.columns == 2 * query.count && out.count == query.count && keysValues.isContiguous
      && keysValues.rows > 0 && scratch.count >= keysValues.rows,
    "attention of \(query.count) columns in \(heads) heads over \(keysValues.shape) into \(out.count)")
  ck_attention_newest(
    keysValues.rows, heads, query.count / heads, query.base, keysValues.base, out.base, scratch.base)
}

/// Writes `dQKV` `[length, 3d]` from `dOut` `[length, d]`.
public func attentionBackward(
  _ qkv: StoredRows, heads: Int, causal: Bool, out: StoredRows, logSum: Vector, dOut: Matrix, dQKV: StoredRows, scratch: Vector
) {
  let headWidth = checkAttention(qkv, heads, out, logSum, scratch)
  precondition(
    dOut.count == out.count && dQKV.count == qkv.count && dOut.isContiguous && dQKV.element == qkv.element,
    "attention backward of \(dOut.shape) into \(dQKV.shape)")
  if let floats = qkv.floats, let outFloats = out.floats, let gradients = dQKV.floats {
    ck_attention_backward(
      qkv.rows, heads, headWidth, causal ? 1 : 0, floats.base, outFloats.base, logSum.base, dOut.base, gradients.base,
      scratch.base)
  } else {
    ck_attention_bf16_backward(
      qkv.rows, heads, headWidth, causal ? 1 : 0, qkv.bf16Base, out.bf16Base, logSum.base, dOut.base, dQKV.bf16Base,
      scratch.base)
  }
}

/// The floats of scratch that attention over sequences up to `length` needs.
public func attentionScratch(length: Int, headWidth: Int, precision: Precision = .fp32) -> Int {
  precision == .bf16 ? ck_attention_bf16_scratch(length, headWidth) : ck_attention_scratch(length, headWidth)
}

private func checkAttention(_ qkv: StoredRows, _ heads: Int, _ out: StoredRows, _ logSum: Vector, _ scratch: Vector) -> Int {
  let width = out.columns
  precondition(
    width % heads == 0 && qkv.columns == 3 * width && qkv.rows == out.rows && qkv.element == out.element
      && logSum.count == heads * qkv.rows,
    "attention of \(heads) heads over \(qkv.shape) into \(out.shape)")
  let precision: Precision = qkv.floats == nil ? .bf16 : .fp32
  precondition(precision == .fp32 || width / heads % 2 == 0, "bfloat16 attention of heads of \(width / heads)")
  precondition(
    scratch.count >= attentionScratch(length: qkv.rows, headWidth: width / heads, precision: precision),
    "attention scratch of \(scratch.count)")
  return width / heads
}
