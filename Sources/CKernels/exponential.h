/* Exponentials for results that become bfloat16, sixteen at a time, with the instructions that processors with bfloat16 products have on
 * x86: they split off and put back a whole power of two, which takes ten instructions and limits where there are none. */
#ifndef PRECISE_EXPONENTIAL_H
#define PRECISE_EXPONENTIAL_H

#include "activation.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* e^x for x <= 0, relative error < 2^-18, far below what bfloat16 tells apart; e^0 is 1, NaN stays NaN. 2 to the fraction above the
 * next lower whole number is a polynomial (the best that is 1 at 0, by linear programming). */
BF16_TARGET INLINE v16 exp_short(v16 x) {
  const __m512 y = _mm512_mul_ps((__m512)x, _mm512_set1_ps(1.44269504088896341f));
  const __m512 fraction = _mm512_reduce_ps(y, _MM_FROUND_TO_NEG_INF);
  __m512 p = _mm512_fmadd_ps(fraction, _mm512_set1_ps(1.34251544e-2f), _mm512_set1_ps(5.22453740e-2f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(2.41278556e-1f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(6.93045155e-1f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(1.0f));
  return (v16)_mm512_scalef_ps(p, y);
}

/* Sixteen numbers, rounded to the nearest. */
BF16_TARGET INLINE void store_short(uint16_t *to, v16 x) {
  _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh((__m512)x));
}
#else
INLINE v16 exp_short(v16 x) {
  v16 y;
  for (int lane = 0; lane < 16; lane++) y[lane] = ck_exp_down(x[lane], 1);
  return y;
}

INLINE void store_short(uint16_t *to, v16 x) {
  for (int lane = 0; lane < 16; lane++) to[lane] = narrow_to_nearest(x[lane]);
}
#endif

/* The first n numbers, the other ones behind them. */
BF16_TARGET INLINE v16 first_of(long n, v16 x, v16 other) {
  typedef int32_t lanes __attribute__((vector_size(64)));
  const lanes lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return (v16)(((u32v)(lane < (int32_t)n) & (u32v)x) | (~(u32v)(lane < (int32_t)n) & (u32v)other));
}

/* n <= 16 numbers, and zeros behind them. */
BF16_TARGET INLINE v16 load_first(long n, const float *from) {
  float part[16] = {0};
  if (n >= 16) return *(const v16 *)from;
  memcpy(part, from, sizeof(float) * (size_t)n);
  return *(const v16 *)part;
}

BF16_TARGET INLINE float sum_of(v16 x) {
  for (int half = 8; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++) x[lane] += x[lane + half];
  return x[0];
}

BF16_TARGET INLINE float largest_of(v16 x) {
  for (int half = 8; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++) x[lane] = x[lane + half] > x[lane] ? x[lane + half] : x[lane];
  return x[0];
}

#endif
