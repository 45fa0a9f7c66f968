/* Exponentials by the instructions that processors with bfloat16 products have on x86: they split off and put back a whole power of
 * two, which takes ten instructions and limits where there are none. */
#ifndef PRECISE_EXPONENTIAL_H
#define PRECISE_EXPONENTIAL_H

#include "activation.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* e^x for x <= 0, relative error < 2^-18, far below what bfloat16 tells apart; e^0 is 1, NaN stays NaN. 2 to the fraction above the
 * next lower whole number is a polynomial (the best that is 1 at 0, by linear programming). */
BF16_TARGET INLINE __m512 exp_down_16(__m512 x) {
  const __m512 y = _mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f));
  const __m512 fraction = _mm512_reduce_ps(y, _MM_FROUND_TO_NEG_INF);
  __m512 p = _mm512_fmadd_ps(fraction, _mm512_set1_ps(1.34251544e-2f), _mm512_set1_ps(5.22453740e-2f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(2.41278556e-1f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(6.93045155e-1f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, y);
}
#endif

#endif
