/* Scaled dot-product attention (Vaswani et al. 2017) of one sequence, forward then backward.
 *
 * Works head by head on packed copies padded to 16 columns, and over blocks of queries: the scores of a block against all
 * keys are the largest thing held, so memory grows with the length, never with its square. Forward keeps only the logarithm
 * of each row's softmax sum; backward forms the weights again from it (the idea of FlashAttention, Dao et al. 2022). */
#include "CKernels.h"
#include "bfloat16.h"
#include "strip.h"

enum { QUERIES = 24 };

/* C[rows, columns] (+)= A B, `columns` a multiple of 16. */
INLINE void small_product(long rows, long columns, long depth, const float *a, long a_row, long a_column, const float *b, long ldb,
                          float *c, long ldc, int add) {
  for (long j = 0; j < columns; j += 32)
    ck_float_strip(columns - j < 32 ? 16 : 32, rows, depth, a, a_row, a_column, b + j, ldb, c + j, ldc, add);
}

INLINE long padded(long n) { return (n + 15) & ~15L; }

/* Rows are padded too: a block of queries may read past the last row. */
INLINE long padded_rows(long n) { return padded(n) + 2 * QUERIES; }

long ck_attention_scratch(long length, long head_width) {
  long rows = padded_rows(length), width = padded(head_width);
  return 8 * rows * width + 2 * QUERIES * rows + rows + 64;
}

/* to[i,:] = factor * from[i, start ..< start + width], zeros beyond width and beyond length. */
INLINE void pack(long length, long width, int bf16, const void *from, long start, long ld, float factor, float *to) {
  long wide = padded(width), rows = padded_rows(length);
  for (long i = 0; i < length; i++) {
    VECTOR_LOOP
    for (long c = 0; c < width; c++) to[i * wide + c] = factor * stored(from, bf16, start + i * ld + c);
    for (long c = width; c < wide; c++) to[i * wide + c] = 0;
  }
  memset(to + length * wide, 0, sizeof(float) * (size_t)((rows - length) * wide));
}

/* to[c,i] = packed[i,c], to is [padded width, padded length]: blocks of 16 x 16 change places in registers, by halves, quarters,
 * eighths and single columns (Eklundh 1972). */
INLINE void transpose(long length, long width, const float *packed, float *to) {
  long wide = padded(width), columns = padded(length);
  for (long i = 0; i < length; i += 16)
    for (long c = 0; c < width; c += 16) {
      v16 rows[16];
      for (int r = 0; r < 16; r++) rows[r] = *(const v16 *)(packed + (i + r) * wide + c);
#define SWAP(distance, FIRST, SECOND)                                  \
  for (int r = 0; r < 16; r++)                                         \
    if (!(r & (distance))) {                                           \
      v16 x = rows[r], y = rows[r + (distance)];                       \
      rows[r] = __builtin_shufflevector(x, y, FIRST);                  \
      rows[r + (distance)] = __builtin_shufflevector(x, y, SECOND);    \
    }
#define LIST(...) __VA_ARGS__
#pragma clang loop unroll(full)
      SWAP(8, LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
           LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#pragma clang loop unroll(full)
      SWAP(4, LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
           LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
#pragma clang loop unroll(full)
      SWAP(2, LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
           LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#pragma clang loop unroll(full)
      SWAP(1, LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
           LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
#undef SWAP
#undef LIST
      for (int r = 0; r < 16; r++) *(v16 *)(to + (c + r) * columns + i) = rows[r];
    }
}

/* The number of keys that query `row` reads. */
INLINE long reach(int causal, long row, long length) { return causal ? row + 1 : length; }

/* One row of scores becomes weights; what is beyond `n` becomes zero. Returns log of the sum. Whole vectors throughout, because the
 * rest of a row would take as long as the row. */
INLINE float softmax_row(float *scores, long n, long columns) {
  FAST_SUMS
  float top = ck_largest(n, scores), sum = 0;
  VECTOR_LOOP
  for (long j = 0; j < columns; j++) {
    float e = j < n ? ck_exp_down(scores[j] - top) : 0.0f;
    scores[j] = e;
    sum += e;
  }
  float inverse = 1.0f / sum;
  VECTOR_LOOP
  for (long j = 0; j < columns; j++) scores[j] *= inverse;
  return top + logf(sum);
}

INLINE void attention_forward(long length, long heads, long head_width, int causal, int bf16, const void *qkv, void *out,
                              float *log_sum, float *scratch) {
  long d = heads * head_width, wide = padded(head_width), columns = padded(length), rows = padded_rows(length);
  float *queries = scratch, *keys = queries + rows * wide, *values = keys + rows * wide, *results = values + rows * wide,
        *scores = results + rows * wide;
  float factor = 1.0f / sqrtf((float)head_width);
  for (long head = 0; head < heads; head++) {
    long start = head * head_width;
    pack(length, head_width, bf16, qkv, start, 3 * d, factor, queries);
    pack(length, head_width, bf16, qkv, start + d, 3 * d, 1.0f, values);
    transpose(length, head_width, values, keys);
    pack(length, head_width, bf16, qkv, start + 2 * d, 3 * d, 1.0f, values);
    for (long first = 0; first < length; first += QUERIES) {
      long count = length - first < QUERIES ? length - first : QUERIES;
      long limit = padded(reach(causal, first + count - 1, length));
      small_product(count, limit, head_width, queries + first * wide, wide, 1, keys, columns, scores, columns, 0);
      for (long q = 0; q < count; q++)
        log_sum[head * length + first + q] = softmax_row(scores + q * columns, reach(causal, first + q, length), limit);
      small_product(count, wide, limit, scores, columns, 1, values, wide, results, wide, 0);
      for (long q = 0; q < count; q++)
        VECTOR_LOOP
        for (long c = 0; c < head_width; c++) store(out, bf16, (first + q) * d + start + c, results[q * wide + c]);
    }
  }
}

KERNEL void ck_attention(long length, long heads, long head_width, int causal, int bf16, const void *qkv, void *out, float *log_sum,
                         float *scratch) {
  if (bf16)
    attention_forward(length, heads, head_width, causal, 1, qkv, out, log_sum, scratch);
  else
    attention_forward(length, heads, head_width, causal, 0, qkv, out, log_sum, scratch);
}

KERNEL void ck_attention_newest(long length, long heads, long head_width, const float *query, const float *keys_values, float *out,
                                float *scratch) {
  FAST_SUMS
  long d = heads * head_width;
  float factor = 1.0f / sqrtf((float)head_width);
  for (long head = 0; head < heads; head++) {
    const float *q = query + head * head_width, *keys = keys_values + head * head_width, *values = keys + d;
    float *to = out + head * head_width;
    for (long j = 0; j < length; j++) {
      float dot = 0;
      VECTOR_LOOP
      for (long c = 0; c < head_width; c++) dot += q[c] * keys[j * 2 * d + c];
      scratch[j] = factor * dot;
    }
    softmax_row(scratch, length, length);
    memset(to, 0, sizeof(float) * (size_t)head_width);
    for (long j = 0; j < length; j++)
      VECTOR_LOOP
      for (long c = 0; c < head_width; c++) to[c] += scratch[j] * values[j * 2 * d + c];
  }
}

/* Weights P = exp(S - log sum) and dS = P * (dP - D) of one row, in place of S and dP; zeros beyond n. */
INLINE void weights_and_score_gradients(float *scores, float *dweights, long n, long columns, float log_sum, float dot) {
  VECTOR_LOOP
  for (long j = 0; j < columns; j++) {
    float p = j < n ? ck_expf(scores[j] - log_sum) : 0.0f;
    scores[j] = p;
    dweights[j] = j < n ? p * (dweights[j] - dot) : 0.0f;
  }
}

INLINE void unpack(long length, long width, const float *from, float factor, int bf16, void *to, long start, long ld) {
  long wide = padded(width);
  for (long i = 0; i < length; i++)
    VECTOR_LOOP
    for (long c = 0; c < width; c++) store(to, bf16, start + i * ld + c, factor * from[i * wide + c]);
}

INLINE void attention_backward(long length, long heads, long head_width, int causal, int bf16, const void *qkv, const void *out,
                               const float *log_sum, const float *dout, void *dqkv, float *scratch) {
  FAST_SUMS
  long d = heads * head_width, wide = padded(head_width), columns = padded(length), rows = padded_rows(length);
  long block = rows * wide;
  float *queries = scratch, *keys = queries + block, *keys_t = keys + block, *values_t = keys_t + block,
        *douts = values_t + block, *dqueries = douts + block, *dkeys = dqueries + block, *dvalues = dkeys + block,
        *scores = dvalues + block, *dscores = scores + QUERIES * rows;
  float factor = 1.0f / sqrtf((float)head_width);
  for (long head = 0; head < heads; head++) {
    long start = head * head_width;
    pack(length, head_width, bf16, qkv, start, 3 * d, factor, queries);
    pack(length, head_width, bf16, qkv, start + d, 3 * d, 1.0f, keys);
    transpose(length, head_width, keys, keys_t);
    pack(length, head_width, bf16, qkv, start + 2 * d, 3 * d, 1.0f, douts);
    transpose(length, head_width, douts, values_t);
    pack(length, head_width, 0, dout, start, d, 1.0f, douts);
    memset(dkeys, 0, sizeof(float) * (size_t)(2 * block)); /* dkeys and dvalues */
    for (long first = 0; first < length; first += QUERIES) {
      long count = length - first < QUERIES ? length - first : QUERIES;
      long limit = padded(reach(causal, first + count - 1, length));
      small_product(count, limit, head_width, queries + first * wide, wide, 1, keys_t, columns, scores, columns, 0);
      small_product(count, limit, head_width, douts + first * wide, wide, 1, values_t, columns, dscores, columns, 0);
      for (long q = 0; q < count; q++) {
        long row = (first + q) * d + start;
        float dot = 0;
        VECTOR_LOOP
        for (long c = 0; c < head_width; c++) dot += stored(out, bf16, row + c) * dout[row + c];
        weights_and_score_gradients(scores + q * columns, dscores + q * columns, reach(causal, first + q, length), limit,
                                    log_sum[head * length + first + q], dot);
      }
      small_product(count, wide, limit, dscores, columns, 1, keys, wide, dqueries + first * wide, wide, 0);
      small_product(limit, wide, count, dscores, 1, columns, queries + first * wide, wide, dkeys, wide, 1);
      small_product(limit, wide, count, scores, 1, columns, douts + first * wide, wide, dvalues, wide, 1);
    }
    unpack(length, head_width, dqueries, factor, bf16, dqkv, start, 3 * d);
    unpack(length, head_width, dkeys, 1.0f, bf16, dqkv, start + d, 3 * d); /* the factor is in the packed queries */
    unpack(length, head_width, dvalues, 1.0f, bf16, dqkv, start + 2 * d, 3 * d);
  }
}

KERNEL void ck_attention_backward(long length, long heads, long head_width, int causal, int bf16, const void *qkv, const void *out,
                                  const float *log_sum, const float *dout, void *dqkv, float *scratch) {
  if (bf16)
    attention_backward(length, heads, head_width, causal, 1, qkv, out, log_sum, dout, dqkv, scratch);
  else
    attention_backward(length, heads, head_width, causal, 0, qkv, out, log_sum, dout, dqkv, scratch);
}
