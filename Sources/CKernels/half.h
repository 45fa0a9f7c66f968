/* IEEE half precision in memory, float32 in registers, sixteen numbers at a time.
 *
 * By integer arithmetic, the same on every processor and whatever is done with denormal results: half's subnormal numbers are
 * normal ones of float32. What is beyond the largest half, 65,504, is stored as that, not as infinity: a state that has grown
 * too large stays a number. Infinity and NaN stay what they are. */
#ifndef PRECISE_HALF_H
#define PRECISE_HALF_H

#include "bfloat16.h"

typedef _Float16 h16 __attribute__((vector_size(32), aligned(2), may_alias));

/* 2^-14, the smallest normal half, as float32's bits; what the exponents of the two differ by; infinity. */
#define HALF_NORMAL (113u << 23)
#define HALF_BIAS (112u << 23)
#define FLOAT_INFINITY 0x7f800000u

INLINE v16 half_widen(u16v stored) {
  u32v word = __builtin_convertvector(stored, u32v), value = (word & 0x7fff) << 13;
  u32v normal = value + HALF_BIAS, small = (u32v)((v16)(value + HALF_NORMAL) - 0x1p-14f);
  normal += (u32v)(value >= 31u << 23) & HALF_BIAS; /* infinity and NaN */
  return (v16)(pick((u32v)(value < 1u << 23), small, normal) | (word & 0x8000) << 16);
}

/* From a magnitude's float32 bits and its rounded half as a normal and as a subnormal number to the half that is stored. */
INLINE u16v half_pack(u32v bits, u32v normal, u32v small) {
  u32v magnitude = bits & 0x7fffffff;
  u32v half = pick((u32v)(magnitude < HALF_NORMAL), small, normal);
  half = pick((u32v)(half > 0x7bff), (u32v){} + 0x7bff, half);
  u32v special = 0x7c00 | ((u32v)(magnitude > FLOAT_INFINITY) & 0x200);
  half = pick((u32v)(magnitude >= FLOAT_INFINITY), special, half);
  return __builtin_convertvector(half | (bits >> 16 & 0x8000), u16v);
}

/* Up or down by sixteen random bits below the last kept digit: right on average. */
INLINE u16v half_narrow(v16 value, u32v random) {
  u32v bits = (u32v)value, magnitude = bits & 0x7fffffff, bound = (u32v){} + HALF_NORMAL;
  v16 low = (v16)pick((u32v)(magnitude < HALF_NORMAL), magnitude, bound);
  u32v fixed = __builtin_convertvector(low * 0x1p40f, u32v); /* in 2^-40, sixteen bits below a subnormal's last digit */
  return half_pack(bits, (magnitude - HALF_BIAS + (random >> 3)) >> 13, (fixed + random) >> 16);
}

/* To the nearest, ties to even. */
INLINE u16v half_nearest(v16 value) {
  u32v bits = (u32v)value, magnitude = bits & 0x7fffffff, bound = (u32v){} + HALF_NORMAL;
  v16 low = (v16)pick((u32v)(magnitude < HALF_NORMAL), magnitude, bound);
  u32v small = (u32v)(low + 0.5f) - 0x3f000000u; /* the last digit of 0.5 is a subnormal's */
  return half_pack(bits, (magnitude - HALF_BIAS + 0xfff + (magnitude >> 13 & 1)) >> 13, small);
}

#endif
