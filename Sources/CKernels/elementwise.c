/* Vector sums, bias, gelu and the gated linear unit. */
#include "CKernels.h"
#include "gelu.h"

KERNEL void ck_add(long count, const float *x, float *y) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) y[i] += x[i];
}

KERNEL void ck_scale(long count, float factor, float *x) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) x[i] *= factor;
}

/* Blocks of 4096 are summed in float, the blocks in double: as exact as needed, and vectorized. */
KERNEL double ck_sum_of_squares(long count, const float *x) {
  FAST_SUMS
  double total = 0;
  for (long start = 0; start < count; start += 4096) {
    long end = start + 4096 < count ? start + 4096 : count;
    float sum = 0;
    VECTOR_LOOP
    for (long i = start; i < end; i++) sum += x[i] * x[i];
    total += sum;
  }
  return total;
}

/* Without their signs, floats are ordered as their bits are; infinity and NaN stand above all others. */
KERNEL int ck_all_within(long count, const float *x, float bound) {
  typedef uint32_t float_bits __attribute__((may_alias));
  const float_bits *bits = (const float_bits *)x;
  uint32_t most;
  memcpy(&most, &bound, sizeof most);
  for (long start = 0; start < count; start += 4096) {
    long end = start + 4096 < count ? start + 4096 : count;
    uint32_t bad = 0;
    VECTOR_LOOP
    for (long i = start; i < end; i++) bad |= (uint32_t)((bits[i] & 0x7fffffffu) > most);
    if (bad) return 0;
  }
  return 1;
}

INLINE void add_bias(long rows, long columns, const float *bias, const float *x, int form, void *y) {
  for (long r = 0; r < rows; r++)
    ROUNDING_LOOP
    for (long c = 0; c < columns; c++) store(y, form, r * columns + c, x[r * columns + c] + bias[c]);
}

ACTIVATION_KERNEL(void, add_bias,
                  (long rows, long columns, const float *bias, const float *x, int bf16, void *y),
                  rows, columns, bias, x, form, y)

/* Column sums of a block of columns stay in registers or the L1 cache over all rows. */
INLINE void bias_gradient(long rows, long columns, int form, const void *dy, float *dbias) {
  for (long start = 0; start < columns; start += 256) {
    long n = columns - start < 256 ? columns - start : 256;
    float sum[256] = {0};
    for (long r = 0; r < rows; r++)
      VECTOR_LOOP
      for (long c = 0; c < n; c++) sum[c] += stored(dy, form, r * columns + start + c);
    VECTOR_LOOP
    for (long c = 0; c < n; c++) dbias[start + c] += sum[c];
  }
}

ACTIVATION_KERNEL(void, bias_gradient,
                  (long rows, long columns, int bf16, const void *dy, float *dbias),
                  rows, columns, form, dy, dbias)

/* What is kept is rounded first, so that backward finds the same gelu again. */
INLINE void bias_gelu(long rows, long columns, const float *bias, const float *x, int form, void *before, void *after) {
  for (long r = 0; r < rows; r++)
    ROUNDING_LOOP
    for (long c = 0; c < columns; c++) {
      long i = r * columns + c;
      float kept = kept_as(form, x[i] + bias[c]);
      store(before, form, i, kept);
      store(after, form, i, gelu(kept, form).value);
    }
}

ACTIVATION_KERNEL(void, bias_gelu,
                  (long rows, long columns, const float *bias, const float *x, int bf16, void *before, void *after),
                  rows, columns, bias, x, form, before, after)

INLINE void gelu_backward(long count, int form, const void *before, const float *dafter, void *after, void *dbefore) {
  ROUNDING_LOOP
  for (long i = 0; i < count; i++) {
    float slope = dafter[i];
    struct gelu at = gelu(stored(before, form, i), form);
    store(after, form, i, at.value);
    store(dbefore, form, i, slope * at.slope);
  }
}

ACTIVATION_KERNEL(void, gelu_backward,
                  (long count, int bf16, const void *before, const float *dafter, void *after, void *dbefore),
                  count, form, before, dafter, after, dbefore)

/* The gated linear unit: the left half of a row through swish, times the right half (Shazeer 2020). What is kept is rounded first. */
INLINE void bias_swiglu(long rows, long width, const float *bias, const float *x, int form, void *before, void *after) {
  for (long r = 0; r < rows; r++) {
    long left = 2 * r * width, right = left + width;
    ROUNDING_LOOP
    for (long c = 0; c < width; c++) {
      float a = kept_as(form, x[left + c] + bias[c]), b = kept_as(form, x[right + c] + bias[width + c]);
      store(before, form, left + c, a);
      store(before, form, right + c, b);
      store(after, form, r * width + c, a * ck_sigmoid(a) * b);
    }
  }
}

ACTIVATION_KERNEL(void, bias_swiglu,
                  (long rows, long width, const float *bias, const float *x, int bf16, void *before, void *after),
                  rows, width, bias, x, form, before, after)

INLINE void swiglu_backward(long rows, long width, int form, const void *before, const float *dafter, void *after, void *dbefore)
                            {
  for (long r = 0; r < rows; r++) {
    long left = 2 * r * width, right = left + width;
    ROUNDING_LOOP
    for (long c = 0; c < width; c++) {
      float a = stored(before, form, left + c), b = stored(before, form, right + c), slope = dafter[r * width + c];
      float s = ck_sigmoid(a), swished = a * s;
      store(after, form, r * width + c, swished * b);
      store(dbefore, form, left + c, slope * b * (s + swished * (1.0f - s)));
      store(dbefore, form, right + c, slope * swished);
    }
  }
}

ACTIVATION_KERNEL(void, swiglu_backward,
                  (long rows, long width, int bf16, const void *before, const float *dafter, void *after, void *dbefore),
                  rows, width, form, before, dafter, after, dbefore)
