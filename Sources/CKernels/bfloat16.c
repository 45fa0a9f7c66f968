/* Whole rows between float32 and sixteen bits. */
#include "stored.h"
#include "CKernels.h"

KERNEL void ck_bf16_widen(long count, const uint16_t *from, float *to) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) to[i] = widen(from[i]);
}

KERNEL void ck_bf16_narrow(long count, const float *from, uint16_t *to) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) to[i] = narrow_to_nearest(from[i]);
}

INLINE void fp16_widen(long count, const uint16_t *from, float *to) {
  for (long i = 0; i < count; i += 16) {
    long lanes = count - i < 16 ? count - i : 16;
    float_store(to + i, lanes, stored_load(from, HALF_BY_BITS, i, lanes));
  }
}

KERNEL void ck_fp16_widen(long count, const uint16_t *from, float *to) { fp16_widen(count, from, to); }

INLINE void fp16_narrow(long count, const float *from, uint16_t *to) {
  for (long i = 0; i < count; i += 16) {
    long lanes = count - i < 16 ? count - i : 16;
    u16v half = half_nearest(float_load(from + i, lanes));
    memcpy(to + i, &half, (size_t)lanes * 2);
  }
}

KERNEL void ck_fp16_narrow(long count, const float *from, uint16_t *to) { fp16_narrow(count, from, to); }
