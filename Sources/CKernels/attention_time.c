/* The relative time bias of attention: a learned number a head and bucket of the time between query and key, added to the score.
 *
 * Buckets are those of HSTU (Zhai et al. 2024, arXiv 2402.17152, and its code): floor(ln(max(1, |seconds|)) / 0.301). Both kinds of
 * attention, forward and backward, call these functions, so that a pair is in the same bucket everywhere. */
#include "CKernels.h"
#include "vector.h"

/* The bucket of two times, at most 71: neither is farther than 2^30 from 0. */
INLINE int32_t bucket(int32_t a, int32_t b) {
  int32_t apart = a - b;
  apart = apart < 0 ? -apart : apart;
  apart = apart < 1 ? 1 : apart;
  return (int32_t)(ck_logf((float)apart) * 3.32225913621262f);
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
