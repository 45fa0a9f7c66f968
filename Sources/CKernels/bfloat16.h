/* bfloat16 in memory, float32 in registers: the upper half of a float32's bits. */
#ifndef PRECISE_BFLOAT16_H
#define PRECISE_BFLOAT16_H

#include "philox.h"

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

/* Element i of rows that are stored as bfloat16 or as float32; `bf16` is a constant where this is inlined. */
INLINE float stored(const void *rows, int bf16, long i) {
  return bf16 ? widen(((const uint16_t *)rows)[i]) : ((const float *)rows)[i];
}

/* Sets element i, rounded to the nearest. */
INLINE void store(void *rows, int bf16, long i, float value) {
  if (bf16)
    ((uint16_t *)rows)[i] = narrow_to_nearest(value);
  else
    ((float *)rows)[i] = value;
}

/* The rows from element i on. */
INLINE const void *stored_from(const void *rows, int bf16, long i) {
  return bf16 ? (const void *)((const uint16_t *)rows + i) : (const void *)((const float *)rows + i);
}

#endif
