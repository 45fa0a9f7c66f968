/* Counting for full-ranking metrics. A NaN counts as ahead: a broken model must not look good. */
#include "CKernels.h"
#include "vector.h"

KERNEL long ck_count_not_below(long count, float bound, const float *scores) {
  long total = 0;
  for (long start = 0; start < count; start += 65536) {
    long end = start + 65536 < count ? start + 65536 : count;
    int32_t above = 0;
    for (long i = start; i < end; i++) above += !(scores[i] < bound);
    total += above;
  }
  return total;
}
