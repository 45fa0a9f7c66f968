/* Attention of one sequence whose queries, keys, values and outputs are bfloat16: the products of attention.c on pairs, with sums,
 * softmax and its gradient in float32. Weights and gradients of scores are rounded when they become factors.
 *
 * A word is two bfloat16 that follow each other along a product's sum: along the width where a row is a factor as it stands
 * (queries against keys), along the positions where rows are zipped (weights against values). Widths are padded to whole strips
 * of 32 columns, and so is the length. */
#include "attention.h"
#include "CKernels.h"
#include "pairs.h"
#include "strip.h"
#include "transpose.h"

INLINE long padded(long n) { return (n + 31) & ~31L; }

/* Where the parts of the scratch are; sizes in words of 32 bits. */
struct parts {
  long wide, columns;
  uint32_t *rows, *keys_t, *values_t, *zipped, *queries, *douts, *weights_z, *dscores_z;
  uint16_t *weights, *dscores, *drows;
  float *scores, *dweights, *results, *dkeys, *dvalues;
  uint8_t *buckets; /* of a query's keys, with a time bias */
};

/* Lays the parts out; returns their words. Without scratch it only counts: no pointer is made of nothing. */
static long lay_out(long length, long head_width, float *scratch, struct parts *p) {
  long wide = padded(head_width), columns = padded(length), at = 0;
  uint32_t *words = (uint32_t *)scratch;
  p->wide = wide, p->columns = columns;
#define TAKE(part, count) p->part = words ? (void *)(words + at) : 0, at += ((count) + 15) & ~15L;
  TAKE(rows, columns * wide)
  TAKE(keys_t, wide * columns)
  TAKE(values_t, wide * columns)
  TAKE(zipped, columns / 2 * wide)
  TAKE(queries, QUERIES / 2 * wide)
  TAKE(douts, QUERIES / 2 * wide)
  TAKE(weights_z, QUERIES / 2 * columns)
  TAKE(dscores_z, QUERIES / 2 * columns)
  TAKE(weights, QUERIES * columns / 2)
  TAKE(dscores, QUERIES * columns / 2)
  TAKE(drows, QUERIES * wide / 2)
  TAKE(scores, QUERIES * columns)
  TAKE(dweights, QUERIES * columns)
  TAKE(results, QUERIES * wide)
  TAKE(dkeys, columns * wide)
  TAKE(dvalues, columns * wide)
  TAKE(buckets, columns / 4)
#undef TAKE
  return at;
}

long ck_attention_bf16_scratch(long length, long head_width) {
  struct parts parts;
  return lay_out(length, head_width, 0, &parts);
}

/* C[rows, columns] (+)= A B on pairs, `columns` a multiple of 32. */
INLINE void pair_product(long rows, long columns, long depth, const void *a, long a_row, long a_column, const uint32_t *b, long ldb,
                         float *c, long ldc, int add) {
  ck_pair_strips(&(struct ck_strips){rows, columns, depth, a, a_row, a_column, b, ldb, STRIP, c, ldc, add});
}

/* to[c,i] = words c of row i of `from`, [width / 2, columns]; zeros beyond the length. */
INLINE void transpose_rows(long length, long width, const uint16_t *from, long ld, uint32_t *rows, uint32_t *to) {
  long words = width / 2, wide = (words + 15) & ~15L, columns = padded(length);
  for (long i = 0; i < length; i++) {
    const pair_word *row = (const pair_word *)(from + i * ld);
    ROW_LOOP
    for (long c = 0; c < words; c++) rows[i * wide + c] = row[c];
  }
  memset(rows + length * wide, 0, sizeof(uint32_t) * (size_t)((columns - length) * wide));
  transpose(columns, wide, (const float *)rows, wide, (float *)to, columns);
}

/* to[i,:] = factor * from[i, 0 ..< width], rounded to the nearest. */
INLINE void round_rows(long rows, long width, const float *from, long ld, float factor, uint16_t *to, long ld_to) {
  for (long i = 0; i < rows; i++)
    ROW_LOOP
    for (long c = 0; c < width; c++) to[i * ld_to + c] = narrow_as(BF16_HERE, factor * from[i * ld + c]);
}

BF16_TARGET void ck_attention_bf16(const struct ck_sequence *sequence) {
  const struct ck_time *time = sequence->time;
  const long length = sequence->length, heads = sequence->heads, head_width = sequence->head_width;
  const int causal = sequence->causal;
  const uint16_t *qkv = sequence->qkv;
  uint16_t *out = sequence->out;
  float *log_sum = sequence->log_sum;
  long d = heads * head_width, ld = 3 * d;
  float factor = 1.0f / sqrtf((float)head_width);
  struct parts p;
  lay_out(length, head_width, sequence->scratch, &p);
  for (long head = 0; head < heads; head++) {
    const uint16_t *queries = qkv + head * head_width;
    transpose_rows(length, head_width, queries + d, ld, p.rows, p.keys_t);
    zip(length, p.columns, head_width, queries + 2 * d, ld, p.zipped, p.wide); /* values */
    for (long first = 0; first < length; first += QUERIES) {
      long count = length - first < QUERIES ? length - first : QUERIES;
      long limit = padded(reach(causal, first + count - 1, length));
      pair_product(count, limit, head_width / 2, queries + first * ld, ld / 2, 1, p.keys_t, p.columns, p.scores, p.columns, 0);
      for (long q = 0; q < count; q++) {
        long keys_read = reach(causal, first + q, length);
        float *row = p.scores + q * p.columns, left = biased(time, head, first + q, keys_read, factor, row, p.buckets);
        uint16_t *weights = p.weights + q * p.columns;
        log_sum[head * length + first + q] = softmax_row(row, keys_read, limit, left, BF16_HERE, weights);
      }
      pair_product(count, p.wide, limit / 2, p.weights, p.columns / 2, 1, p.zipped, p.wide, p.results, p.wide, 0);
      round_rows(count, head_width, p.results, p.wide, 1.0f, out + first * d + head * head_width, d);
    }
  }
}

/* One block of queries: what weights and gradients of scores give to dqueries, dkeys and dvalues. */
INLINE void backward_block(long count, long limit, long head_width, const uint16_t *queries, long ld, struct parts p) {
  pair_product(count, p.wide, limit / 2, p.dscores, p.columns / 2, 1, p.zipped, p.wide, p.results, p.wide, 0); /* dqueries */
  zip(count, count, limit, p.weights, p.columns, p.weights_z, p.columns);
  zip(count, count, limit, p.dscores, p.columns, p.dscores_z, p.columns);
  zip(count, count, head_width, queries, ld, p.queries, p.wide);
  zip(count, count, head_width, p.drows, p.wide, p.douts, p.wide);
  long pairs = (count + 1) / 2;
  pair_product(limit, p.wide, pairs, p.dscores_z, 1, p.columns, p.queries, p.wide, p.dkeys, p.wide, 1);
  pair_product(limit, p.wide, pairs, p.weights_z, 1, p.columns, p.douts, p.wide, p.dvalues, p.wide, 1);
}

BF16_TARGET void ck_attention_bf16_backward(const struct ck_sequence *sequence, const float *dout, uint16_t *dqkv) {
  FAST_SUMS
  const struct ck_time *time = sequence->time;
  const long length = sequence->length, heads = sequence->heads, head_width = sequence->head_width;
  const int causal = sequence->causal;
  const uint16_t *qkv = sequence->qkv, *out = sequence->out;
  const float *log_sum = sequence->log_sum;
  long d = heads * head_width, ld = 3 * d;
  float factor = 1.0f / sqrtf((float)head_width);
  struct parts p;
  lay_out(length, head_width, sequence->scratch, &p);
  for (long head = 0; head < heads; head++) {
    const uint16_t *queries = qkv + head * head_width;
    uint16_t *dqueries = dqkv + head * head_width;
    transpose_rows(length, head_width, queries + d, ld, p.rows, p.keys_t);
    transpose_rows(length, head_width, queries + 2 * d, ld, p.rows, p.values_t);
    zip(length, p.columns, head_width, queries + d, ld, p.zipped, p.wide); /* keys */
    memset(p.dkeys, 0, sizeof(float) * (size_t)(p.columns * p.wide));
    memset(p.dvalues, 0, sizeof(float) * (size_t)(p.columns * p.wide));
    float time_sums[4 * CK_TIME_BUCKETS];
    if (time) memset(time_sums, 0, sizeof time_sums);
    for (long first = 0; first < length; first += QUERIES) {
      long count = length - first < QUERIES ? length - first : QUERIES;
      long limit = padded(reach(causal, first + count - 1, length)), row = first * d + head * head_width;
      round_rows(count, head_width, dout + row, d, 1.0f, p.drows, p.wide);
      pair_product(count, limit, head_width / 2, queries + first * ld, ld / 2, 1, p.keys_t, p.columns, p.scores, p.columns, 0);
      pair_product(count, limit, head_width / 2, p.drows, p.wide / 2, 1, p.values_t, p.columns, p.dweights, p.columns, 0);
      for (long q = 0; q < count; q++) {
        float dot = 0;
        ROW_LOOP
        for (long c = 0; c < head_width; c++) dot += widen(out[row + q * d + c]) * dout[row + q * d + c];
        long keys_read = reach(causal, first + q, length);
        float *row = p.scores + q * p.columns, left = biased(time, head, first + q, keys_read, factor, row, p.buckets);
        struct query query = {left, log_sum[head * length + first + q], dot, keys_read};
        weights_and_score_gradients(query, row, p.dweights + q * p.columns, limit, BF16_HERE, p.weights + q * p.columns,
                                    p.dscores + q * p.columns);
        if (time) ck_time_gradient(keys_read, p.buckets, p.dweights + q * p.columns, time_sums);
      }
      backward_block(count, limit, head_width, queries + first * ld, ld, p);
      round_rows(count, head_width, p.results, p.wide, factor, dqueries + first * ld, ld);
    }
    add_time_gradient(time, head, time_sums);
    round_rows(length, head_width, p.dkeys, p.wide, factor, dqueries + d, ld);
    round_rows(length, head_width, p.dvalues, p.wide, 1.0f, dqueries + 2 * d, ld);
  }
}
