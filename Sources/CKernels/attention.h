/* What attention in float32 and in bfloat16 share. */
#ifndef PRECISE_ATTENTION_H
#define PRECISE_ATTENTION_H

#include "activation.h"

/* Queries whose scores against all keys are held at a time: two whole tiles. */
enum { QUERIES = 24 };

/* The number of keys that query `row` reads. */
INLINE long reach(int causal, long row, long length) { return causal ? row + 1 : length; }

/* What row `query` of the scores has still to be multiplied by: with a time bias nothing, since factor and bias are put to them here.
 * `buckets` [keys] is written. */
INLINE float biased(const struct ck_time *time, long head, long query, long keys, float factor, float *scores, uint8_t *buckets) {
  if (!time) return factor;
  ck_time_scores(keys, factor, time->query_ages[query], time->key_ages, time->bias + head * CK_TIME_BUCKETS, scores, buckets);
  return 1.0f;
}

/* Sums of a head's gradients by bucket: parts of `ck_time_gradient`, added to the bias's gradient in the end. */
INLINE void add_time_gradient(const struct ck_time *time, long head, const float *sums) {
  if (!time) return;
  float *to = time->dbias + head * CK_TIME_BUCKETS;
  VECTOR_LOOP
  for (long b = 0; b < CK_TIME_BUCKETS; b++)
    to[b] += (sums[b] + sums[CK_TIME_BUCKETS + b]) + (sums[2 * CK_TIME_BUCKETS + b] + sums[3 * CK_TIME_BUCKETS + b]);
}

/* What backward needs to form the weights of one query again: its softmax's sum, and the sum of its weights' gradients. */
struct query {
  float factor, log_sum, dot;
  long keys; /* that it reads */
};

#endif
