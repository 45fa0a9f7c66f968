/* Attention of one sequence whose queries, keys, values and outputs are bfloat16: the products of attention.c on pairs, with sums,
 * softmax and its gradient in float32. Weights and gradients of scores are rounded when they become factors.
 *
 * A word is two bfloat16 that follow each other along a product's sum: along the width where a row is a factor as it stands
 * (queries against keys), along the positions where rows are zipped (weights against values). Widths are padded to whole strips
 * of 32 columns, and so is the length. */
#include "attention.h"
#include "CKernels.h"
#include "exponential.h"
#include "pairs.h"
#include "strip.h"
#include "transpose.h"

/* Queries whose weights wait, in backward, until they are multiplied with their keys' gradients: a sum over few positions is short beside
 * what it costs to begin and to end it. Whole blocks of QUERIES. */
enum { TOGETHER = 4 * QUERIES };

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
  TAKE(queries, TOGETHER / 2 * wide)
  TAKE(douts, TOGETHER / 2 * wide)
  TAKE(weights_z, TOGETHER / 2 * columns)
  TAKE(dscores_z, TOGETHER / 2 * columns)
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

/* The pairs that hold n numbers. */
INLINE long pairs_of(long n) { return (n + 1) / 2; }

/* to[i,:] = factor * from[i, 0 ..< width], rounded to the nearest. */
INLINE void round_rows(long rows, long width, const float *from, long ld, float factor, uint16_t *to, long ld_to) {
  for (long i = 0; i < rows; i++)
    ROW_LOOP
    for (long c = 0; c < width; c++) to[i * ld_to + c] = narrow_as(BF16_HERE, factor * from[i * ld + c]);
}

/* A row of scores becomes e^(factor * score - the largest), rounded, with zeros from `keys` up to `columns`, a multiple of 16. Returns the
 * sum. Scores are read in whole vectors. */
BF16_TARGET INLINE float exponentials(long keys, long columns, float factor, const float *scores, uint16_t *out, float *top) {
  const v16 none = (v16){} - 3.0e38f, zero = {};
  v16 tops = none, sums = zero;
  long j = 0;
  for (; j + 16 <= keys; j += 16) tops = __builtin_elementwise_max(tops, *(const v16 *)(scores + j));
  if (j < keys) tops = __builtin_elementwise_max(tops, first_of(keys - j, *(const v16 *)(scores + j), none));
  *top = factor * largest_of(tops);
  const v16 less = zero + *top;
  for (j = 0; j < columns; j += 16) {
    v16 e = zero;
    if (j < keys) e = exp_short(factor * *(const v16 *)(scores + j) - less);
    if (j + 16 > keys) e = first_of(keys - j, e, zero);
    sums += e;
    store_short(out + j, e);
  }
  return sum_of(sums);
}

BF16_TARGET void ck_attention_bf16(const struct ck_sequence *sequence) {
  const struct ck_time *time = sequence->time;
  const long length = sequence->length, heads = sequence->heads, head_width = sequence->head_width;
  const int causal = sequence->causal;
  const uint16_t *qkv = sequence->qkv;
  uint16_t *out = sequence->out;
  long d = heads * head_width, ld = 3 * d;
  float factor = 1.0f / sqrtf((float)head_width), sums[QUERIES], tops[QUERIES];
  struct parts p;
  lay_out(length, head_width, sequence->scratch, &p);
  for (long head = 0; head < heads; head++) {
    const uint16_t *queries = qkv + head * head_width;
    float *log_sum = sequence->log_sum + head * length;
    transpose_rows(length, head_width, queries + d, ld, p.rows, p.keys_t);
    zip(length, p.columns, head_width, queries + 2 * d, ld, p.zipped, p.wide); /* values */
    for (long first = 0; first < length; first += QUERIES) {
      long count = length - first < QUERIES ? length - first : QUERIES;
      long keys = reach(causal, first + count - 1, length), limit = padded(keys);
      pair_product(count, limit, head_width / 2, queries + first * ld, ld / 2, 1, p.keys_t, p.columns, p.scores, p.columns, 0);
      for (long q = 0; q < count; q++) {
        long keys_read = reach(causal, first + q, length);
        float *row = p.scores + q * p.columns, left = biased(time, head, first + q, keys_read, factor, row, p.buckets);
        sums[q] = exponentials(keys_read, limit, left, row, p.weights + q * p.columns, tops + q);
      }
      VECTOR_LOOP
      for (long q = 0; q < count; q++) log_sum[first + q] = tops[q] + ck_logf(sums[q]);
      pair_product(count, p.wide, pairs_of(keys), p.weights, p.columns / 2, 1, p.zipped, p.wide, p.results, p.wide, 0);
      for (long q = 0; q < count; q++)
        round_rows(1, head_width, p.results + q * p.wide, p.wide, 1.0f / sums[q], out + (first + q) * d + head * head_width, d);
    }
  }
}

/* Weights p = exp(s - log sum) and ds = p * (dp - dot) of one row of scores, rounded; zeros from the keys up to `columns`. With `keep`, as
 * a time bias asks, ds takes the place of dp too. */
BF16_TARGET INLINE void weights_and_gradients(struct query query, const float *scores, float *dscores, long columns, int keep,
                                              uint16_t *weights, uint16_t *dstored) {
  const v16 less = (v16){} + query.log_sum, dot = (v16){} + query.dot, zero = {};
  for (long j = 0; j < columns; j += 16) {
    v16 p = zero, ds = zero;
    if (j < query.keys) {
      p = exp_short(query.factor * *(const v16 *)(scores + j) - less);
      ds = p * (*(const v16 *)(dscores + j) - dot);
    }
    if (j + 16 > query.keys) p = first_of(query.keys - j, p, zero), ds = first_of(query.keys - j, ds, zero);
    store_short(weights + j, p);
    store_short(dstored + j, ds);
    if (keep) *(v16 *)(dscores + j) = ds;
  }
}

/* One head of a sequence in backward. */
struct head {
  long number, length, width, d, ld;
  int causal;
  float factor;
  const struct ck_time *time;
  const uint16_t *queries, *out;
  const float *log_sum, *dout;
  uint16_t *dqueries;
};

/* Block `first` ..< `first` + `count` of queries: its dqueries, and from pair `at` on what keys and values get from it. */
BF16_TARGET INLINE void backward_block(const struct head *h, long first, long count, long at, struct parts p, float *time_sums) {
  FAST_SUMS
  const long keys = reach(h->causal, first + count - 1, h->length), limit = padded(keys), ld = h->ld, d = h->d;
  const uint16_t *queries = h->queries + first * ld, *out = h->out + first * d;
  const float *dout = h->dout + first * d;
  round_rows(count, h->width, dout, d, 1.0f, p.drows, p.wide);
  pair_product(count, limit, h->width / 2, queries, ld / 2, 1, p.keys_t, p.columns, p.scores, p.columns, 0);
  pair_product(count, limit, h->width / 2, p.drows, p.wide / 2, 1, p.values_t, p.columns, p.dweights, p.columns, 0);
  for (long q = 0; q < count; q++) {
    float dot = 0, *row = p.scores + q * p.columns, *drow = p.dweights + q * p.columns;
    ROW_LOOP
    for (long c = 0; c < h->width; c++) dot += widen(out[q * d + c]) * dout[q * d + c];
    long keys_read = reach(h->causal, first + q, h->length);
    float left = biased(h->time, h->number, first + q, keys_read, h->factor, row, p.buckets);
    struct query query = {left, h->log_sum[first + q], dot, keys_read};
    weights_and_gradients(query, row, drow, limit, h->time != 0, p.weights + q * p.columns, p.dscores + q * p.columns);
    if (h->time) ck_time_gradient(keys_read, p.buckets, drow, time_sums);
  }
  pair_product(count, p.wide, pairs_of(keys), p.dscores, p.columns / 2, 1, p.zipped, p.wide, p.results, p.wide, 0);
  round_rows(count, h->width, p.results, p.wide, h->factor, h->dqueries + first * ld, ld);
  zip(count, count, limit, p.weights, p.columns, p.weights_z + at * p.columns, p.columns);
  zip(count, count, limit, p.dscores, p.columns, p.dscores_z + at * p.columns, p.columns);
  zip(count, count, h->width, queries, ld, p.queries + at * p.wide, p.wide);
  zip(count, count, h->width, p.drows, p.wide, p.douts + at * p.wide, p.wide);
}

/* What `count` queries from `first` on give to their keys and values. A key is read by no query before it. */
BF16_TARGET INLINE void keys_backward(const struct head *h, long first, long count, struct parts p) {
  const long keys = reach(h->causal, first + count - 1, h->length);
  for (long key = 0; key < keys; key += QUERIES) {
    const long rows = keys - key < QUERIES ? keys - key : QUERIES;
    const long skipped = h->causal && key > first ? (key - first) / 2 : 0, pairs = pairs_of(count) - skipped;
    const long from = skipped * p.columns + key;
    const int add = h->causal ? key < first : first > 0;
    pair_product(rows, p.wide, pairs, p.dscores_z + from, 1, p.columns, p.queries + skipped * p.wide, p.wide,
                 p.dkeys + key * p.wide, p.wide, add);
    pair_product(rows, p.wide, pairs, p.weights_z + from, 1, p.columns, p.douts + skipped * p.wide, p.wide,
                 p.dvalues + key * p.wide, p.wide, add);
  }
}

BF16_TARGET void ck_attention_bf16_backward(const struct ck_sequence *sequence, const float *dout, uint16_t *dqkv) {
  const long length = sequence->length, heads = sequence->heads, width = sequence->head_width, d = heads * width;
  struct head h = {0, length, width, d, 3 * d, sequence->causal, 1.0f / sqrtf((float)width), sequence->time,
                   sequence->qkv, sequence->out, sequence->log_sum, dout, dqkv};
  struct parts p;
  lay_out(length, width, sequence->scratch, &p);
  for (; h.number < heads; h.number++, h.queries += width, h.out += width, h.dout += width, h.dqueries += width, h.log_sum += length) {
    transpose_rows(length, width, h.queries + d, h.ld, p.rows, p.keys_t);
    transpose_rows(length, width, h.queries + 2 * d, h.ld, p.rows, p.values_t);
    zip(length, p.columns, width, h.queries + d, h.ld, p.zipped, p.wide); /* keys */
    float time_sums[4 * CK_TIME_BUCKETS];
    if (h.time) memset(time_sums, 0, sizeof time_sums);
    for (long first = 0; first < length; first += TOGETHER) {
      const long together = length - first < TOGETHER ? length - first : TOGETHER;
      for (long at = 0; at < together; at += QUERIES)
        backward_block(&h, first + at, together - at < QUERIES ? together - at : QUERIES, at / 2, p, time_sums);
      keys_backward(&h, first, together, p);
    }
    add_time_gradient(h.time, h.number, time_sums);
    round_rows(length, width, p.dkeys, p.wide, h.factor, h.dqueries + d, h.ld);
    round_rows(length, width, p.dvalues, p.wide, 1.0f, h.dqueries + 2 * d, h.ld);
  }
}
