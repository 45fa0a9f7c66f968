/* The gaussian error linear unit (Hendrycks & Gimpel 2016), x times the standard normal's distribution function, and its slope. */
#ifndef PRECISE_GELU_H
#define PRECISE_GELU_H

#include "activation.h"

/* The standard normal's density and distribution function at x; absolute error of the latter < 2e-7 (Abramowitz & Stegun
 * 7.1.26). The two share their exponential. */
struct normal {
  float density, share;
};
INLINE struct normal normal_at(float x) {
  float a = __builtin_fabsf(x) * 0.70710678118654752f, y = -0.5f * x * x;
  float e = ck_exp_within(-87.0f > y ? -87.0f : y); /* a NaN comes back through t */
  float t = 1.0f / __builtin_fmaf(0.3275911f, a, 1.0f);
  float p = 1.061405429f;
  p = __builtin_fmaf(p, t, -1.453152027f);
  p = __builtin_fmaf(p, t, 1.421413741f);
  p = __builtin_fmaf(p, t, -0.284496736f);
  p = __builtin_fmaf(p, t, 0.254829592f);
  float tail = 0.5f * p * t * e;
  return (struct normal){0.39894228040143268f * e, x >= 0.0f ? 1.0f - tail : tail};
}

/* What the short forms are made of: |x| up to 4.25, and the square of that, stretched to [-1, 1]. Distribution function and slope, less
 * a half, are odd functions of x: |x| times a polynomial of the square, with the sign of x. */
struct gelu_place {
  float size, square;
};
INLINE struct gelu_place gelu_place(float x) {
  float size = __builtin_fabsf(x);
  size = 4.25f < size ? 4.25f : size;
  return (struct gelu_place){size, __builtin_fmaf(size * size, 2.0f / (4.25f * 4.25f), -1.0f)};
}

/* For results that become bfloat16: absolute error < 2^-13 (the best polynomials that are 1/2 at 4.25, by linear programming). */
INLINE float gelu_short(float x) {
  const float share[] = {0.165931925f, -0.080863543f, 0.055913471f, -0.038227919f, 0.023918912f, -0.017007507f, 0.012351966f,
                         -0.004370246f};
  struct gelu_place at = gelu_place(x);
  float value = __builtin_fmaf(__builtin_fabsf(x), at.size * polynomial(8, share, at.square), 0.5f * x);
  return x < -4.25f ? 0.0f : value;
}

/* Absolute error < 2^-12. */
INLINE float gelu_slope_short(float x) {
  const float slope[] = {0.170359135f, -0.100612536f, 0.099606477f, -0.106589660f, 0.104345597f, -0.080515064f, 0.050554145f,
                         -0.039598037f, 0.032628875f, -0.012531868f};
  struct gelu_place at = gelu_place(x);
  return 0.5f + __builtin_copysignf(at.size * polynomial(10, slope, at.square), x);
}

/* gelu(x) and its slope there, as exact as the form of activations can tell. */
struct gelu {
  float value, slope;
};
INLINE struct gelu gelu(float x, int form) {
  if (form != FLOATS) return (struct gelu){gelu_short(x), gelu_slope_short(x)};
  struct normal at = normal_at(x);
  return (struct gelu){x * at.share, at.share + x * at.density};
}

#endif
