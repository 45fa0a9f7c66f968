/* Matrix products, in float32 and in bfloat16 with sums in float32.
 *
 * Every element of a product is the sum of its terms from the first to the last, in one chain, so it is a function of its row
 * of A and its column of B alone, whatever stands beside them. A library's product does not promise that (oneDNN's does not
 * keep it), and it takes memory of its own on each call; docs/architecture.md compares their speed.
 *
 * B is packed into strips of 32 columns, [depth, 32] words each, the last one filled up with zeros. A word is a float32, or two
 * bfloat16 that follow each other along the sum: k is then rounded up to a whole number of pairs. */
#include "CKernels.h"
#include "pairs.h"
#include "strip.h"
#include "transpose.h"

/* A block of ROWS x DEPTH words of A and a strip of B stay in the L2 cache. FEW rows of the last strip go together. */
enum { ROWS = 240, DEPTH = 512, FEW = 4 * TALL };

INLINE long depth_words(int bf16, long k) { return bf16 ? (k + 1) / 2 : k; }

long ck_packed_words(int bf16, long k, long n) { return (n + STRIP - 1) / STRIP * STRIP * depth_words(bf16, k); }

/* ---- Packing ------------------------------------------------------------------------------------------------------------- */

/* Sixteen columns of a transposed factor come out of sixteen rows by changing places in registers: read down a column one by one, a
 * large factor takes longer to pack than to multiply. */
INLINE void pack_float(int transpose_b, long k, long count, float factor, const float *b, long ldb, float *strip) {
  long i = 0;
  if (transpose_b && count == STRIP) {
    i = k & ~15L;
    transpose(STRIP, i, b, ldb, strip, STRIP);
    VECTOR_LOOP
    for (long c = 0; c < i * STRIP; c++) strip[c] *= factor;
  }
  for (; i < k; i++) {
    if (transpose_b)
      for (long j = 0; j < count; j++) strip[i * STRIP + j] = factor * b[j * ldb + i];
    else
      VECTOR_LOOP
      for (long j = 0; j < count; j++) strip[i * STRIP + j] = factor * b[i * ldb + j];
  }
}

/* Element (i, j) of op(B) as bfloat16, zero beyond the last row. */
INLINE uint32_t pair_at(int transpose_b, long k, long i, long j, float factor, const float *b, long ldb) {
  const float *x = transpose_b ? b + j * ldb + i : b + i * ldb + j;
  float next = i + 1 < k ? x[transpose_b ? 1 : ldb] : 0.0f;
  return pair(narrow_to_nearest(factor * *x), narrow_to_nearest(factor * next));
}

/* Of a transposed factor the pairs stand side by side: sixteen pairs of a strip's columns are rounded, then they change places. */
INLINE void pack_pairs(int transpose_b, long k, long count, float factor, const float *b, long ldb, uint32_t *strip) {
  long i = 0;
  if (transpose_b && count == STRIP)
    for (; i + STRIP <= k; i += STRIP, strip += STRIP / 2 * STRIP) {
      uint16_t lines[STRIP * STRIP];
      for (long j = 0; j < STRIP; j++)
        ROUNDING_LOOP
        for (long c = 0; c < STRIP; c++) lines[j * STRIP + c] = narrow_to_nearest(factor * b[j * ldb + i + c]);
      transpose(STRIP, STRIP / 2, (const float *)lines, STRIP / 2, (float *)strip, STRIP);
    }
  for (; i < k; i += 2, strip += STRIP) {
    ROUNDING_LOOP
    for (long j = 0; j < count; j++) strip[j] = pair_at(transpose_b, k, i, j, factor, b, ldb);
  }
}

KERNEL void ck_pack(int bf16, int transpose_b, long k, long n, float factor, const float *b, long ldb, void *packed) {
  uint32_t *words = packed;
  long depth = depth_words(bf16, k);
  for (long first = 0; first < n; first += STRIP, words += depth * STRIP) {
    long count = n - first < STRIP ? n - first : STRIP;
    const float *from = b + (transpose_b ? first * ldb : first);
    if (count < STRIP) memset(words, 0, sizeof(uint32_t) * (size_t)(depth * STRIP));
    if (bf16)
      transpose_b ? pack_pairs(1, k, count, factor, from, ldb, words) : pack_pairs(0, k, count, factor, from, ldb, words);
    else
      pack_float(transpose_b, k, count, factor, from, ldb, (float *)words);
  }
}

KERNEL void ck_pack_bf16(long k, long n, const uint16_t *b, void *packed) {
  uint32_t *words = packed;
  for (long first = 0; first < n; first += STRIP, words += depth_words(1, k) * STRIP)
    zip(k, k, n - first < STRIP ? n - first : STRIP, b + first, n, words, STRIP);
}

KERNEL void ck_pair_rows(long rows, long columns, const uint16_t *x, uint32_t *pairs) {
  zip(rows, rows, columns, x, columns, pairs, columns);
}

/* ---- Products ------------------------------------------------------------------------------------------------------------- */

/* Columns in whole strips, or in float32 in one half of one. */
INLINE void whole_strips(int bf16, const struct ck_strips *s) {
  if (bf16) {
    ck_pair_strips(s);
    return;
  }
  const float *a = (const float *)s->a, *b = (const float *)s->b;
  for (long j = 0; j < s->columns; j += STRIP, b += s->b_strip)
    ck_float_strip(s->columns < STRIP ? s->columns : STRIP, s->rows, s->depth, a, s->a_row, s->a_column, b, s->b_row, s->c + j,
                   s->ldc, s->add);
}

/* The last strip, of `count` columns: through a tile of a whole strip, or of half of one where that will do. */
static void last_strip(int bf16, long count, struct ck_strips s) {
  float whole[FEW * STRIP] = {0}, *c = s.c;
  const long m = s.rows, ldc = s.ldc;
  s.c = whole, s.ldc = STRIP, s.columns = !bf16 && count <= STRIP / 2 ? STRIP / 2 : STRIP;
  for (long row = 0; row < m; row += FEW, s.a += FEW * s.a_row) {
    s.rows = m - row < FEW ? m - row : FEW;
    for (long r = 0; s.add && r < s.rows; r++) memcpy(whole + r * STRIP, c + (row + r) * ldc, sizeof(float) * (size_t)count);
    whole_strips(bf16, &s);
    for (long r = 0; r < s.rows; r++) memcpy(c + (row + r) * ldc, whole + r * STRIP, sizeof(float) * (size_t)count);
  }
}

void ck_product(const struct ck_factors *factors, int add, float *c, long ldc) {
  const struct ck_factors f = *factors;
  const pair_word *words = f.a, *packed = f.packed;
  const long depth = depth_words(f.bf16, f.k), whole = f.n / STRIP * STRIP;
  struct ck_strips s = {.a_row = f.a_row, .a_column = f.a_column, .b_row = STRIP, .b_strip = depth * STRIP, .ldc = ldc};
  for (long first = 0; first < depth; first += DEPTH) {
    s.depth = depth - first < DEPTH ? depth - first : DEPTH;
    s.add = add || first > 0;
    for (long row = 0; row < f.m; row += ROWS) {
      s.rows = f.m - row < ROWS ? f.m - row : ROWS;
      s.a = words + row * f.a_row + first * f.a_column;
      s.b = packed + first * STRIP, s.c = c + row * ldc, s.columns = whole;
      if (whole > 0) whole_strips(f.bf16, &s);
      s.b += whole * depth, s.c += whole;
      if (whole < f.n) last_strip(f.bf16, f.n - whole, s);
    }
  }
}

KERNEL void ck_packed_count(long m, long n, long k, const float *a, long lda, const void *packed, const float *bounds,
                            int64_t *counts) {
  float scores[TALL * STRIP];
  const float *factor = packed;
  for (long first = 0; first < n; first += STRIP, factor += k * STRIP) {
    long count = n - first < STRIP ? n - first : STRIP;
    for (long row = 0; row < m; row += TALL) {
      long rows = m - row < TALL ? m - row : TALL;
      ck_float_strip(STRIP, rows, k, a + row * lda, lda, 1, factor, STRIP, scores, STRIP, 0);
      for (long r = 0; r < rows; r++) {
        int32_t ahead = 0;
        float bound = bounds[row + r];
        for (long j = 0; j < count; j++) ahead += !(scores[r * STRIP + j] < bound);
        counts[row + r] += ahead;
      }
    }
  }
}
