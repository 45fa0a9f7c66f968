/* Scaled dot-product attention (Vaswani et al. 2017) of one sequence, forward then backward.
 *
 * Works head by head on packed copies padded to 16 columns, and over blocks of queries: the scores of a block against all
 * keys are the largest thing held, so memory grows with the length, never with its square. Forward keeps only the logarithm
 * of each row's softmax sum; backward forms the weights again from it (the idea of FlashAttention, Dao et al. 2022). */
#include "CKernels.h"
#include "attention.h"
#include "strip.h"
#include "transpose.h"

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
  return 8 * rows * width + 2 * QUERIES * rows + rows + 64; /* with a time bias, the last rows hold a query's buckets */
}

/* to[i,:] = from[i, 0 ..< width], zeros beyond width and beyond length. */
INLINE void pack(long length, long width, const float *from, long ld, float *to) {
  long wide = padded(width), rows = padded_rows(length);
  for (long i = 0; i < length; i++) {
    ROW_LOOP
    for (long c = 0; c < width; c++) to[i * wide + c] = from[i * ld + c];
    for (long c = width; c < wide; c++) to[i * wide + c] = 0;
  }
  memset(to + length * wide, 0, sizeof(float) * (size_t)((rows - length) * wide));
}

/* to[i, 0 ..< width] = factor * from[i,:]. */
INLINE void unpack(long length, long width, const float *from, float factor, float *to, long ld) {
  long wide = padded(width);
  for (long i = 0; i < length; i++)
    ROW_LOOP
    for (long c = 0; c < width; c++) to[i * ld + c] = factor * from[i * wide + c];
}

/* One row of factor * scores becomes weights, in place; what is beyond `n` becomes zero, up to `columns`, best a multiple of 16.
 * Returns log of the sum. Whole vectors throughout, because the rest of a row would take as long as the row. */
INLINE float softmax_row(float *scores, long n, long columns, float factor) {
  FAST_SUMS
  float top = factor * ck_largest(n, scores), sum = 0;
  ROW_LOOP
  for (long j = 0; j < columns; j++) {
    float e = j < n ? ck_exp_down(factor * scores[j] - top, 0) : 0.0f;
    scores[j] = e;
    sum += e;
  }
  float inverse = 1.0f / sum;
  ROW_LOOP
  for (long j = 0; j < columns; j++) scores[j] *= inverse;
  return top + logf(sum);
}

/* One row of scores becomes weights p = exp(s - log sum), and dp becomes ds = p * (dp - dot); zeros beyond the keys. */
INLINE void weights_and_score_gradients(struct query query, float *scores, float *dscores, long columns) {
  ROW_LOOP
  for (long j = 0; j < columns; j++) {
    float p = j < query.keys ? ck_exp_down(query.factor * scores[j] - query.log_sum, 0) : 0.0f;
    scores[j] = p;
    dscores[j] = j < query.keys ? p * (dscores[j] - query.dot) : 0.0f;
  }
}

KERNEL void ck_attention(const struct ck_sequence *sequence) {
  const struct ck_time *time = sequence->time;
  const long length = sequence->length, heads = sequence->heads, head_width = sequence->head_width;
  const int causal = sequence->causal;
  const float *qkv = sequence->qkv;
  float *out = sequence->out, *log_sum = sequence->log_sum, *scratch = sequence->scratch;
  long d = heads * head_width, wide = padded(head_width), columns = padded(length), rows = padded_rows(length);
  float *packed = scratch, *keys = packed + rows * wide, *results = keys + rows * wide, *scores = results + rows * wide;
  uint8_t *buckets = (uint8_t *)(scores + 2 * QUERIES * rows);
  float factor = 1.0f / sqrtf((float)head_width);
  for (long head = 0; head < heads; head++) {
    const float *queries = qkv + head * head_width, *values = queries + 2 * d;
    long ld_values = 3 * d;
    pack(length, head_width, queries + d, 3 * d, packed);
    transpose(columns, wide, packed, wide, keys, columns);
    if (wide > head_width) { /* a product's right factor has whole vectors */
      pack(length, head_width, values, 3 * d, packed);
      values = packed, ld_values = wide;
    }
    for (long first = 0; first < length; first += QUERIES) {
      long count = length - first < QUERIES ? length - first : QUERIES, most = reach(causal, first + count - 1, length);
      small_product(count, padded(most), head_width, queries + first * 3 * d, 3 * d, 1, keys, columns, scores, columns, 0);
      for (long q = 0; q < count; q++) {
        long keys_read = reach(causal, first + q, length);
        float *row = scores + q * columns, left = biased(time, head, first + q, keys_read, factor, row, buckets);
        log_sum[head * length + first + q] = softmax_row(row, keys_read, padded(most), left);
      }
      small_product(count, wide, most, scores, columns, 1, values, ld_values, results, wide, 0);
      unpack(count, head_width, results, 1.0f, out + first * d + head * head_width, d);
    }
  }
}

KERNEL void ck_attention_newest(long length, long heads, long head_width, const float *query, const float *keys_values,
                                const struct ck_time *time, float *out, float *scratch) {
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
    biased(time, head, 0, length, 1.0f, scratch, (uint8_t *)(scratch + length));
    softmax_row(scratch, length, length, 1.0f);
    memset(to, 0, sizeof(float) * (size_t)head_width);
    for (long j = 0; j < length; j++)
      VECTOR_LOOP
      for (long c = 0; c < head_width; c++) to[c] += scratch[j] * values[j * 2 * d + c];
  }
}

KERNEL void ck_attention_backward(const struct ck_sequence *sequence, const float *dout, float *dqkv) {
  FAST_SUMS
  const struct ck_time *time = sequence->time;
  const long length = sequence->length, heads = sequence->heads, head_width = sequence->head_width;
  const int causal = sequence->causal;
  const float *qkv = sequence->qkv, *out = sequence->out, *log_sum = sequence->log_sum;
  float *scratch = sequence->scratch;
  long d = heads * head_width, wide = padded(head_width), columns = padded(length), rows = padded_rows(length);
  long block = rows * wide;
  float *queries = scratch, *keys = queries + block, *keys_t = keys + block, *values_t = keys_t + block,
        *douts = values_t + block, *dqueries = douts + block, *dkeys = dqueries + block, *dvalues = dkeys + block,
        *scores = dvalues + block, *dscores = scores + QUERIES * rows;
  uint8_t *buckets = (uint8_t *)(dscores + QUERIES * rows);
  float factor = 1.0f / sqrtf((float)head_width);
  for (long head = 0; head < heads; head++) {
    long start = head * head_width;
    pack(length, head_width, qkv + start, 3 * d, queries);
    pack(length, head_width, qkv + start + d, 3 * d, keys);
    transpose(columns, wide, keys, wide, keys_t, columns);
    pack(length, head_width, qkv + start + 2 * d, 3 * d, douts);
    transpose(columns, wide, douts, wide, values_t, columns);
    pack(length, head_width, dout + start, d, douts);
    memset(dkeys, 0, sizeof(float) * (size_t)(2 * block)); /* dkeys and dvalues */
    float time_sums[4 * CK_TIME_BUCKETS];
    if (time) memset(time_sums, 0, sizeof time_sums);
    for (long first = 0; first < length; first += QUERIES) {
      long count = length - first < QUERIES ? length - first : QUERIES;
      long limit = padded(reach(causal, first + count - 1, length));
      small_product(count, limit, head_width, queries + first * wide, wide, 1, keys_t, columns, scores, columns, 0);
      small_product(count, limit, head_width, douts + first * wide, wide, 1, values_t, columns, dscores, columns, 0);
      for (long q = 0; q < count; q++) {
        long row = (first + q) * d + start;
        float dot = 0;
        ROW_LOOP
        for (long c = 0; c < head_width; c++) dot += out[row + c] * dout[row + c];
        long keys_read = reach(causal, first + q, length);
        float *weights = scores + q * columns, *gradients = dscores + q * columns;
        float left = biased(time, head, first + q, keys_read, factor, weights, buckets);
        struct query query = {left, log_sum[head * length + first + q], dot, keys_read};
        weights_and_score_gradients(query, weights, gradients, limit);
        if (time) ck_time_gradient(keys_read, buckets, dscores + q * columns, time_sums);
      }
      small_product(count, wide, limit, dscores, columns, 1, keys, wide, dqueries + first * wide, wide, 0);
      small_product(limit, wide, count, dscores, 1, columns, queries + first * wide, wide, dkeys, wide, 1);
      small_product(limit, wide, count, scores, 1, columns, douts + first * wide, wide, dvalues, wide, 1);
    }
    add_time_gradient(time, head, time_sums);
    unpack(length, head_width, dqueries, factor, dqkv + start, 3 * d);
    unpack(length, head_width, dkeys, factor, dqkv + start + d, 3 * d);
    unpack(length, head_width, dvalues, 1.0f, dqkv + start + 2 * d, 3 * d);
  }
}
