/* Activations as they are stored, float32 or bfloat16, and kernels that are compiled for each. */
#ifndef PRECISE_ACTIVATION_H
#define PRECISE_ACTIVATION_H

#include "bfloat16.h"

/* How activations are stored, a constant where bodies are inlined; bfloat16 is rounded by arithmetic on bits, or by the processor's
 * instruction for it, which takes subnormal numbers for zeros, as the products do. */
enum form { FLOATS, BF16_BY_BITS, BF16_BY_INSTRUCTION };

/* ACTIVATION_KERNEL defines the kernel ck_<name>, which has a parameter `bf16`, from the inlined body <name>, which has the form as a
 * constant in its place; the arguments at the end are the body's. BF16_TARGET is what functions are compiled for that run only where
 * there are products of bfloat16; they round as BF16_HERE says. */
#define IN_FORM(name, number, ...) \
  {                                \
    enum { form = number };        \
    return name(__VA_ARGS__);      \
  }
#define EITHER_FORM(name, ...)                         \
  {                                                    \
    if (bf16) IN_FORM(name, BF16_BY_BITS, __VA_ARGS__) \
    IN_FORM(name, FLOATS, __VA_ARGS__)                 \
  }
#if defined(__x86_64__)
/* Features, and no "arch=x86-64-v4": with it would come the advice to prefer vectors of 256 bits, which KERNEL's versions do not get. */
#define BF16_TARGET \
  __attribute__((target("avx512bf16,avx512vl,avx512dq,avx512cd,avx512bw,fma,f16c,bmi,bmi2,lzcnt"), min_vector_width(512)))
#define BF16_HERE BF16_BY_INSTRUCTION
#define ACTIVATION_KERNEL(type, name, parameters, ...)                                           \
  static type name##_anywhere parameters;                                                        \
  KERNEL type name##_anywhere parameters EITHER_FORM(name, __VA_ARGS__)                          \
  BF16_TARGET static type name##_bf16 parameters IN_FORM(name, BF16_BY_INSTRUCTION, __VA_ARGS__) \
  type ck_##name parameters {                                                                    \
    const int form = bf16;                                                                       \
    if (bf16 && ck_bf16_products()) return name##_bf16(__VA_ARGS__);                             \
    return name##_anywhere(__VA_ARGS__);                                                         \
  }
#else
#define BF16_TARGET
#define BF16_HERE BF16_BY_BITS
#define ACTIVATION_KERNEL(type, name, parameters, ...) type ck_##name parameters EITHER_FORM(name, __VA_ARGS__)
#endif

/* Element i of activations. */
INLINE float stored(const void *rows, int form, long i) {
  return form == FLOATS ? ((const float *)rows)[i] : widen(((const uint16_t *)rows)[i]);
}

/* To the nearest bfloat16. */
INLINE uint16_t narrow_as(int form, float value) {
  if (form != BF16_BY_INSTRUCTION) return narrow_to_nearest(value);
  __bf16 rounded = (__bf16)value;
  uint16_t bits;
  memcpy(&bits, &rounded, 2);
  return bits;
}

/* Sets element i, rounded to the nearest. */
INLINE void store(void *rows, int form, long i, float value) {
  if (form == FLOATS)
    ((float *)rows)[i] = value;
  else
    ((uint16_t *)rows)[i] = narrow_as(form, value);
}

/* The value as it is when it has been stored. */
INLINE float kept_as(int form, float value) { return form == FLOATS ? value : widen(narrow_as(form, value)); }

#endif
