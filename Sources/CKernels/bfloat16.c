/* Whole rows between float32 and bfloat16. */
#include "bfloat16.h"
#include "CKernels.h"

KERNEL void ck_bf16_widen(long count, const uint16_t *from, float *to) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) to[i] = widen(from[i]);
}

KERNEL void ck_bf16_narrow(long count, const float *from, uint16_t *to) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) to[i] = narrow_to_nearest(from[i]);
}
