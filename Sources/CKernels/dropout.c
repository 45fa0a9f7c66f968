/* Inverted dropout (Srivastava et al. 2014). A mask is a pure function of (stream, row key, column): backward draws it again
 * instead of reading it, and it does not depend on which rank or thread holds the row. Sixteen random bits an element: the
 * rate is kept to 1/65536. */
#include "CKernels.h"
#include "philox.h"

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

KERNEL void ck_dropout_add(struct ck_stream stream, const uint64_t *row_keys, float rate, long rows, long columns, const float *x,
                           const float *bias, float *z) {
  for (long r = 0; r < rows; r++)
    for (long start = 0; start < columns; start += TILE) {
      long n = columns - start < TILE ? columns - start : TILE;
      const float *xr = x + r * columns + start, *br = bias ? bias + start : 0;
      float *zr = z + r * columns + start;
      if (rate <= 0.0f) {
        if (br)
          VECTOR_LOOP
          for (long c = 0; c < n; c++) zr[c] += xr[c] + br[c];
        else
          VECTOR_LOOP
          for (long c = 0; c < n; c++) zr[c] += xr[c];
        continue;
      }
      float factors[TILE];
      mask_tile(stream, row_keys[r], start, rate, factors);
      if (br)
        VECTOR_LOOP
        for (long c = 0; c < n; c++) zr[c] += factors[c] * (xr[c] + br[c]);
      else
        VECTOR_LOOP
        for (long c = 0; c < n; c++) zr[c] += factors[c] * xr[c];
    }
}

KERNEL void ck_dropout_backward(struct ck_stream stream, const uint64_t *row_keys, float rate, long rows, long columns,
                                const float *dz, float *dx) {
  if (rate <= 0.0f) {
    memcpy(dx, dz, sizeof(float) * (size_t)(rows * columns));
    return;
  }
  for (long r = 0; r < rows; r++)
    for (long start = 0; start < columns; start += TILE) {
      long n = columns - start < TILE ? columns - start : TILE;
      float factors[TILE];
      mask_tile(stream, row_keys[r], start, rate, factors);
      VECTOR_LOOP
      for (long c = 0; c < n; c++) dx[r * columns + start + c] = factors[c] * dz[r * columns + start + c];
    }
}
