/* The relative time bias of attention: a learned number a head and bucket of the time between query and key, added to the score.
 *
 * Buckets are those of HSTU (Zhai et al. 2024, arXiv 2402.17152, and its code): floor(ln(max(1, |seconds|)) / 0.301). Both kinds of
 * attention, forward and backward, call these functions, so that a pair is in the same bucket everywhere. */
#include "CKernels.h"
#include "vector.h"

/* ln x for a positive normal x, absolute error < 2e-7 of the exponent's part (the polynomial of Cephes' logf): x = m 2^e with
 * m in [sqrt(1/2), sqrt(2)). One operation a statement: nothing is left for a compiler to fuse, so all machines round alike. */
INLINE float ln(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  int32_t e = (int32_t)(bits - 0x3f3504f3u) >> 23;
  bits -= (uint32_t)e << 23;
  float f, exponent = (float)e;
  memcpy(&f, &bits, 4);
  f = f - 1.0f;
  float square = f * f;
  float p = 7.0376836292e-2f;
  p = __builtin_fmaf(p, f, -1.1514610310e-1f);
  p = __builtin_fmaf(p, f, 1.1676998740e-1f);
  p = __builtin_fmaf(p, f, -1.2420140846e-1f);
  p = __builtin_fmaf(p, f, 1.4249322787e-1f);
  p = __builtin_fmaf(p, f, -1.6668057665e-1f);
  p = __builtin_fmaf(p, f, 2.0000714765e-1f);
  p = __builtin_fmaf(p, f, -2.4999993993e-1f);
  p = __builtin_fmaf(p, f, 3.3333331174e-1f);
  p = p * f;
  p = __builtin_fmaf(p, square, f);
  p = __builtin_fmaf(-0.5f, square, p);
  return __builtin_fmaf(exponent, 0.693147180559945f, p);
}

/* The bucket of two times, at most 71: neither is farther than 2^30 from 0. */
INLINE int32_t bucket(int32_t a, int32_t b) {
  int32_t apart = a - b;
  apart = apart < 0 ? -apart : apart;
  apart = apart < 1 ? 1 : apart;
  return (int32_t)(ln((float)apart) * 3.32225913621262f);
}

KERNEL void ck_time_scores(long keys, float factor, int32_t query_age, const int32_t *key_ages, const float *bias, float *scores,
                           uint8_t *buckets) {
  VECTOR_LOOP
  for (long j = 0; j < keys; j++) {
    int32_t b = bucket(key_ages[j], query_age);
    buckets[j] = (uint8_t)b;
    scores[j] = __builtin_fmaf(factor, scores[j], bias[b]);
  }
}

/* Neighbors are mostly in one bucket: four sums take turns, so that one addition need not wait for the one before. */
KERNEL void ck_time_gradient(long keys, const uint8_t *buckets, const float *dscores, float *sums) {
  long j = 0;
  for (; j + 4 <= keys; j += 4)
    for (long lane = 0; lane < 4; lane++) sums[lane * CK_TIME_BUCKETS + buckets[j + lane]] += dscores[j + lane];
  for (; j < keys; j++) sums[buckets[j]] += dscores[j];
}
