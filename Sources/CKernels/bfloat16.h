/* bfloat16 in memory, float32 in registers: the upper half of a float32's bits. */
#ifndef PRECISE_BFLOAT16_H
#define PRECISE_BFLOAT16_H

#include "philox.h"

typedef uint16_t u16v __attribute__((vector_size(32), aligned(2), may_alias));

/* a where the mask is all ones, b where it is zero. */
INLINE u32v pick(u32v mask, u32v a, u32v b) { return (mask & a) | (~mask & b); }

INLINE float widen(uint16_t stored) {
  uint32_t bits = (uint32_t)stored << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/* Rounds down or up by what is added to the 16 bits that go: 0x7fff and the last kept bit for the nearest, random bits for a
 * rounding that is right on average. A NaN stays one. */
INLINE uint16_t narrow(float value, uint32_t added) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  uint32_t rounded = (bits + added) >> 16, quiet = (bits >> 16) | 0x40;
  return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

INLINE uint16_t narrow_to_nearest(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return narrow(value, 0x7fff + ((bits >> 16) & 1));
}

/* Sixteen at a time, as `narrow`. */
INLINE u16v bf16_narrow(v16 value, u32v added) {
  u32v bits = (u32v)value, rounded = (bits + added) >> 16, quiet = bits >> 16 | 0x40;
  u32v nan = (u32v)((bits & 0x7fffffff) > 0x7f800000);
  return __builtin_convertvector((nan & quiet) | (~nan & rounded), u16v);
}

#endif
