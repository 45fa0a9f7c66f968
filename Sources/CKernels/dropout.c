/* Inverted dropout (Srivastava et al. 2014). A mask is a pure function of (stream, row key, column): backward draws it again
 * instead of reading it, and it does not depend on which rank or thread holds the row. Sixteen random bits an element: the
 * rate is kept to 1/65536. */
#include "CKernels.h"
#include "philox.h"

enum { TILE = 128 };

/* factors[0 ..< n] of columns start ..< start + n; start is a multiple of TILE, n <= TILE. */
INLINE void mask_tile(struct ck_stream s, uint64_t key, long start, float rate, float *factors) {
  uint32_t bound = (uint32_t)(rate * 65536.0f + 0.5f);
  float keep = 1.0f / (1.0f - rate);
  uint32_t words[4][TILE / 8];
  for (int i = 0; i < TILE / 8; i++) {
    struct philox_block b = philox((uint32_t)(start / 8 + i), (uint32_t)key, (uint32_t)(key >> 32) ^ (s.purpose << 16), s.step,
                                   s.key0, s.key1);
    words[0][i] = b.a, words[1][i] = b.b, words[2][i] = b.c, words[3][i] = b.d;
  }
  for (int w = 0; w < 4; w++)
    for (int i = 0; i < TILE / 8; i++) {
      factors[(2 * w) * (TILE / 8) + i] = (words[w][i] & 0xffff) < bound ? 0.0f : keep;
      factors[(2 * w + 1) * (TILE / 8) + i] = (words[w][i] >> 16) < bound ? 0.0f : keep;
    }
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
