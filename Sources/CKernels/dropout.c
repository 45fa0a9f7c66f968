/* Inverted dropout (Srivastava et al. 2014). A mask is a pure function of (stream, row key, column): backward draws it again
 * instead of reading it, and it does not depend on which rank or thread holds the row. Sixteen random bits an element: the
 * rate is kept to 1/65536. */
#include "CKernels.h"
#include "activation.h"

enum { TILE = DRAW_TILE };

/* factors[r] of `rows` rows from `first` on, columns start ..< start + n; start is a multiple of TILE, n <= TILE. */
INLINE void draw_factors(const struct ck_dropout *d, long first, long rows, long start, long n, float factors[DRAW_ROWS][TILE]) {
  const u32v bound = (u32v){} + (uint32_t)(d->rate * 65536.0f + 0.5f);
  const v16 keep = (v16){} + 1.0f / (1.0f - d->rate);
  struct draws draws[DRAW_ROWS];
  if (rows == DRAW_ROWS)
    draw_rows(DRAW_ROWS, d->stream, d->row_keys + first, start, draws);
  else
    for (long r = 0; r < rows; r++) draw_rows(1, d->stream, d->row_keys + first + r, start, draws + r);
  for (long r = 0; r < rows; r++)
    for (int v = 0; 16 * v < n; v++)
      *(v16 *)(factors[r] + 16 * v) = (v16)((u32v)(drawn(draws + r, v) >= bound) & (u32v)keep);
}

/* The statement behind it runs for each row of each tile: `factor` are the factors of its `n` columns, of which the first is column
 * `start` and stands at `at`. */
#define EACH_TILE(d, ...)                                                                                                        \
  {                                                                                                                             \
    float factors[DRAW_ROWS][TILE];                                                                                             \
    for (long i = 0; i < DRAW_ROWS * TILE; i++) factors[0][i] = 1.0f;                                                           \
    for (long first = 0; first < (d).rows; first += DRAW_ROWS) {                                                                \
      const long rows = (d).rows - first < DRAW_ROWS ? (d).rows - first : DRAW_ROWS;                                            \
      for (long start = 0; start < (d).columns; start += TILE) {                                                                \
        const long n = (d).columns - start < TILE ? (d).columns - start : TILE;                                                 \
        if ((d).rate > 0.0f) draw_factors(&(d), first, rows, start, n, factors);                                                \
        for (long r = 0; r < rows; r++) {                                                                                       \
          const float *factor = factors[r];                                                                                     \
          const long at = (first + r) * (d).columns + start;                                                                    \
          __VA_ARGS__                                                                                                           \
        }                                                                                                                       \
      }                                                                                                                         \
    }                                                                                                                           \
  }

KERNEL void ck_dropout_add(const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, float *out) {
  const struct ck_dropout d = *dropout; /* here, so that no store makes the compiler read it again */
  const float zeros[TILE] = {0};
  if (d.rate == 0.0f && bias && z) { /* the residual sum, when nothing is dropped */
    for (long r = 0; r < d.rows; r++)
      VECTOR_LOOP
      for (long c = 0; c < d.columns; c++) out[r * d.columns + c] = z[r * d.columns + c] + (x[r * d.columns + c] + bias[c]);
    return;
  }
  EACH_TILE(d, {
    const float *xr = x + at, *br = bias ? bias + start : zeros, *zr = z ? z + at : zeros;
    VECTOR_LOOP
    for (long c = 0; c < n; c++) out[at + c] = zr[c] + factor[c] * (xr[c] + br[c]);
  })
}

INLINE void dropout_backward(const struct ck_dropout *dropout, const float *dz, int form, void *dx) {
  const struct ck_dropout d = *dropout;
  EACH_TILE(d, {
    ROUNDING_LOOP
    for (long c = 0; c < n; c++) store(dx, form, at + c, factor[c] * dz[at + c]);
  })
}

ACTIVATION_KERNEL(void, dropout_backward,
                  (const struct ck_dropout *dropout, const float *dz, int bf16, void *dx),
                  dropout, dz, form, dx)

/* What was kept of a half, times its gate, onto z; `result` keeps it for backward. */
INLINE void gated_add(const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, int form,
                      const void *logits, void *result, float *out) {
  const struct ck_dropout d = *dropout;
  EACH_TILE(d, {
    ROUNDING_LOOP
    for (long c = 0; c < n; c++) {
      float kept = factor[c] * (x[at + c] + bias[start + c]);
      store(result, form, at + c, kept);
      out[at + c] = z[at + c] + ck_sigmoid(stored(logits, form, at + c)) * kept;
    }
  })
}

ACTIVATION_KERNEL(void, gated_add,
                  (const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, int bf16,
                   const void *logits, void *result, float *out),
                  dropout, x, bias, z, form, logits, result, out)

INLINE void gated_backward(const struct ck_dropout *dropout, const float *dz, int form, const void *logits, const void *result,
                           void *dx, void *dlogits) {
  const struct ck_dropout d = *dropout;
  EACH_TILE(d, {
    ROUNDING_LOOP
    for (long c = 0; c < n; c++) {
      float gate = ck_sigmoid(stored(logits, form, at + c)), slope = gate * dz[at + c];
      store(dx, form, at + c, factor[c] * slope);
      store(dlogits, form, at + c, (1.0f - gate) * slope * stored(result, form, at + c));
    }
  })
}

ACTIVATION_KERNEL(void, gated_backward,
                  (const struct ck_dropout *dropout, const float *dz, int bf16, const void *logits, const void *result, void *dx,
                   void *dlogits),
                  dropout, dz, form, logits, result, dx, dlogits)
