/* What the kernels share: function multi-versioning and inlined elementary functions that vectorize. */
#ifndef PRECISE_VECTOR_H
#define PRECISE_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Each kernel is built three times and picked by the loader: AVX-512, AVX2 + FMA, baseline. Elsewhere (aarch64) the
 * compiler's own vectors serve. 512-bit registers must be asked for: the default for v4 stays at 256 bits.
 *
 * The thread sanitizer instruments the function that picks, which the loader calls before the sanitizer's runtime has started; under
 * it there is the baseline alone. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONE_VERSION
#endif
#endif
#if defined(__x86_64__) && defined(__ELF__) && !defined(ONE_VERSION)
#define KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), min_vector_width(512)))
#else
#define KERNEL
#endif
#define INLINE static inline __attribute__((always_inline, min_vector_width(512)))
/* Vectors are arguments of inlined functions only, so no calling convention is concerned. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpsabi"
#endif

/* Before a loop whose arrays do not overlap, or are the same element for element (in place): without it the compiler
 * checks for overlap at run time and falls back to one element at a time for a product in place. */
#define VECTOR_LOOP _Pragma("clang loop vectorize(assume_safety)")
/* The same for a row of some tens of numbers: left to itself, the compiler takes four vectors at a time, and what is left of the row
 * one by one. */
#define ROW_LOOP _Pragma("clang loop vectorize(assume_safety) vectorize_width(16) interleave_count(1)")
/* The same for a loop that rounds to bfloat16: left to itself, the compiler takes vectors of eight there. */
#define ROUNDING_LOOP _Pragma("clang loop vectorize(assume_safety) vectorize_width(16)")

/* Sums may be reordered (that is what lets them vectorize); NaN and infinity keep their meaning. */
#define FAST_SUMS _Pragma("clang fp reassociate(on) contract(fast)")

/* y times 2^n; n stands in the low bits of `shifted`, in which an addition of 1.5 * 2^23 has pushed the fraction out. */
INLINE float ck_times_power(float y, float shifted) {
  uint32_t bits, exponent;
  memcpy(&bits, &y, 4);
  memcpy(&exponent, &shifted, 4);
  bits += exponent << 23;
  memcpy(&y, &bits, 4);
  return y;
}

/* e^x for -87 <= x <= 88, relative error < 2e-7: x = n ln 2 + r, and n is added to the exponent of e^r. */
INLINE float ck_exp_within(float x) {
  const float shift = 12582912.0f; /* 1.5 * 2^23 */
  float shifted = __builtin_fmaf(x, 1.44269504088896341f, shift), n = shifted - shift;
  float r = __builtin_fmaf(n, -0.693359375f, x);
  r = __builtin_fmaf(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = __builtin_fmaf(p, r, 1.3981999507e-3f);
  p = __builtin_fmaf(p, r, 8.3334519073e-3f);
  p = __builtin_fmaf(p, r, 4.1665795894e-2f);
  p = __builtin_fmaf(p, r, 1.6666665459e-1f);
  p = __builtin_fmaf(p, r, 5.0000001201e-1f);
  return ck_times_power(__builtin_fmaf(p, r * r, r + 1.0f), shifted);
}

/* The same with relative error < 2^-18, far below what bfloat16 tells apart; e^0 is 1 here too. */
INLINE float ck_exp_within_short(float x) {
  const float shift = 12582912.0f;
  float shifted = __builtin_fmaf(x, 1.44269504088896341f, shift), n = shifted - shift;
  float r = __builtin_fmaf(n, -0.693147180559945f, x);
  float p = 4.1498303664e-2f;
  p = __builtin_fmaf(p, r, 1.6787256962e-1f);
  p = __builtin_fmaf(p, r, 5.0003206231e-1f);
  p = __builtin_fmaf(p, r, 9.9996716273e-1f);
  return ck_times_power(__builtin_fmaf(p, r, 1.0f), shifted);
}

/* e^x for x <= 0, or up to 88; below -87 it is 0; NaN stays NaN. `is_short`, a constant: by the short polynomial, and e^-87 below -87,
 * which is nothing beside a sum that has a 1 in it. */
INLINE float ck_exp_down(float x, int is_short) {
  float within = -87.0f > x ? -87.0f : x, y = is_short ? ck_exp_within_short(within) : ck_exp_within(within);
  if (!is_short) y = x < -87.0f ? 0.0f : y;
  return x != x ? x : y;
}

/* e^x; above 88 it is infinity. */
INLINE float ck_expf(float x) {
  float y = ck_exp_down(88.0f < x ? 88.0f : x, 0);
  return x > 88.0f ? INFINITY : y;
}

/* 1 / (1 + e^-x). */
INLINE float ck_sigmoid(float x) { return 1.0f / (1.0f + ck_expf(-x)); }

/* Vectors are read over memory that was written as something else (words of bits, stored rows): may_alias says so. */
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));

/* The largest of x [n], n >= 1. Written with vectors: a maximum may not be reordered by the compiler, because of NaN. */
INLINE float ck_largest(long n, const float *x) {
  float top = x[0];
  long j = 0;
  if (n >= 16) {
    v16 tops = *(const v16 *)x;
    for (j = 16; j + 16 <= n; j += 16) tops = __builtin_elementwise_max(tops, *(const v16 *)(x + j));
    for (int lane = 0; lane < 16; lane++) top = tops[lane] > top ? tops[lane] : top;
  }
  for (; j < n; j++) top = x[j] > top ? x[j] : top;
  return top;
}

/* ln x for a positive normal x, absolute error < 2e-7 of the exponent's part (the polynomial of Cephes' logf): x = m 2^e with
 * m in [sqrt(1/2), sqrt(2)). One operation a statement: nothing is left for a compiler to fuse, so all machines round alike. */
INLINE float ck_logf(float x) {
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

/* c[0] + c[1] w + ... of n terms, a constant. */
INLINE float polynomial(int n, const float *c, float w) {
  float sum = c[n - 1];
#pragma clang loop unroll(full)
  for (int i = n - 2; i >= 0; i--) sum = __builtin_fmaf(sum, w, c[i]);
  return sum;
}

/* The square root without errno, which would keep a loop from being vectorized. */
INLINE float ck_sqrtf(float x) { return __builtin_elementwise_sqrt(x); }

#endif
