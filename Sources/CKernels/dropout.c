/* Inverted dropout (Srivastava et al. 2014). A mask is a pure function of (stream, row key, column): backward draws it again
 * instead of reading it, and it does not depend on which rank or thread holds the row. Sixteen random bits an element: the
 * rate is kept to 1/65536. */
#include "CKernels.h"
#include "activation.h"

enum { TILE = DRAW_TILE };

/* factors[0 ..< n] of columns start ..< start + n; start is a multiple of TILE, n <= TILE. */
INLINE void mask_tile(struct ck_stream s, uint64_t key, long start, float rate, float *factors) {
  uint32_t bound = (uint32_t)(rate * 65536.0f + 0.5f);
  float keep = 1.0f / (1.0f - rate);
  uint32_t bits[TILE];
  draw_tile(s, key, start, bits);
  VECTOR_LOOP
  for (int c = 0; c < TILE; c++) factors[c] = bits[c] < bound ? 0.0f : keep;
}

KERNEL void ck_dropout_add(const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, float *out) {
  const struct ck_dropout d = *dropout; /* here, so that no store makes the compiler read it again */
  const float zeros[TILE] = {0};
  float factors[TILE];
  for (int c = 0; c < TILE; c++) factors[c] = 1.0f;
  for (long r = 0; r < d.rows; r++)
    for (long start = 0; start < d.columns; start += TILE) {
      long n = d.columns - start < TILE ? d.columns - start : TILE, at = r * d.columns + start;
      const float *xr = x + at, *br = bias ? bias + start : zeros, *zr = z ? z + at : zeros;
      if (d.rate > 0.0f) mask_tile(d.stream, d.row_keys[r], start, d.rate, factors);
      VECTOR_LOOP
      for (long c = 0; c < n; c++) out[at + c] = zr[c] + factors[c] * (xr[c] + br[c]);
    }
}

INLINE void dropout_backward(const struct ck_dropout *dropout, const float *dz, int form, void *dx) {
  const struct ck_dropout d = *dropout;
  float factors[TILE];
  for (int c = 0; c < TILE; c++) factors[c] = 1.0f;
  for (long r = 0; r < d.rows; r++)
    for (long start = 0; start < d.columns; start += TILE) {
      long n = d.columns - start < TILE ? d.columns - start : TILE, at = r * d.columns + start;
      if (d.rate > 0.0f) mask_tile(d.stream, d.row_keys[r], start, d.rate, factors);
      ROUNDING_LOOP
      for (long c = 0; c < n; c++) store(dx, form, at + c, factors[c] * dz[at + c]);
    }
}

ACTIVATION_KERNEL(void, dropout_backward,
                  (const struct ck_dropout *dropout, const float *dz, int bf16, void *dx),
                  dropout, dz, form, dx)

/* What was kept of a half, times its gate, onto z; `result` keeps it for backward. */
INLINE void gated_add(const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, int form,
                      const void *logits, void *result, float *out) {
  const struct ck_dropout d = *dropout;
  float factors[TILE];
  for (int c = 0; c < TILE; c++) factors[c] = 1.0f;
  for (long r = 0; r < d.rows; r++)
    for (long start = 0; start < d.columns; start += TILE) {
      long n = d.columns - start < TILE ? d.columns - start : TILE, at = r * d.columns + start;
      if (d.rate > 0.0f) mask_tile(d.stream, d.row_keys[r], start, d.rate, factors);
      ROUNDING_LOOP
      for (long c = 0; c < n; c++) {
        float kept = factors[c] * (x[at + c] + bias[start + c]);
        store(result, form, at + c, kept);
        out[at + c] = z[at + c] + ck_sigmoid(stored(logits, form, at + c)) * kept;
      }
    }
}

ACTIVATION_KERNEL(void, gated_add,
                  (const struct ck_dropout *dropout, const float *x, const float *bias, const float *z, int bf16,
                   const void *logits, void *result, float *out),
                  dropout, x, bias, z, form, logits, result, out)

INLINE void gated_backward(const struct ck_dropout *dropout, const float *dz, int form, const void *logits, const void *result,
                           void *dx, void *dlogits) {
  const struct ck_dropout d = *dropout;
  float factors[TILE];
  for (int c = 0; c < TILE; c++) factors[c] = 1.0f;
  for (long r = 0; r < d.rows; r++)
    for (long start = 0; start < d.columns; start += TILE) {
      long n = d.columns - start < TILE ? d.columns - start : TILE, at = r * d.columns + start;
      if (d.rate > 0.0f) mask_tile(d.stream, d.row_keys[r], start, d.rate, factors);
      ROUNDING_LOOP
      for (long c = 0; c < n; c++) {
        float gate = ck_sigmoid(stored(logits, form, at + c)), slope = gate * dz[at + c];
        store(dx, form, at + c, factors[c] * slope);
        store(dlogits, form, at + c, (1.0f - gate) * slope * stored(result, form, at + c));
      }
    }
}

ACTIVATION_KERNEL(void, gated_backward,
                  (const struct ck_dropout *dropout, const float *dz, int bf16, const void *logits, const void *result, void *dx,
                   void *dlogits),
                  dropout, dz, form, logits, result, dx, dlogits)
