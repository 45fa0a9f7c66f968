/* Vector sums, bias, gelu and the gated linear unit. */
#include "CKernels.h"
#include "bfloat16.h"

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

INLINE void add_bias(long rows, long columns, const float *bias, const float *x, int bf16, void *y) {
  for (long r = 0; r < rows; r++)
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) store(y, bf16, r * columns + c, x[r * columns + c] + bias[c]);
}

KERNEL void ck_add_bias(long rows, long columns, const float *bias, const float *x, int bf16, void *y) {
  if (bf16)
    add_bias(rows, columns, bias, x, 1, y);
  else
    add_bias(rows, columns, bias, x, 0, y);
}

/* Column sums of a block of columns stay in registers or the L1 cache over all rows. */
INLINE void bias_gradient(long rows, long columns, int bf16, const void *dy, float *dbias) {
  for (long start = 0; start < columns; start += 256) {
    long n = columns - start < 256 ? columns - start : 256;
    float sum[256] = {0};
    for (long r = 0; r < rows; r++)
      VECTOR_LOOP
      for (long c = 0; c < n; c++) sum[c] += stored(dy, bf16, r * columns + start + c);
    VECTOR_LOOP
    for (long c = 0; c < n; c++) dbias[start + c] += sum[c];
  }
}

KERNEL void ck_bias_gradient(long rows, long columns, int bf16, const void *dy, float *dbias) {
  if (bf16)
    bias_gradient(rows, columns, 1, dy, dbias);
  else
    bias_gradient(rows, columns, 0, dy, dbias);
}

/* What is kept is rounded first, so that backward finds the same gelu again. */
INLINE void bias_gelu(long rows, long columns, const float *bias, const float *x, int bf16, void *before, void *after) {
  for (long r = 0; r < rows; r++)
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) {
      long i = r * columns + c;
      float sum = x[i] + bias[c], kept = bf16 ? widen(narrow_to_nearest(sum)) : sum;
      store(before, bf16, i, kept);
      store(after, bf16, i, kept * ck_normal(kept).share);
    }
}

KERNEL void ck_bias_gelu(long rows, long columns, const float *bias, const float *x, int bf16, void *before, void *after) {
  if (bf16)
    bias_gelu(rows, columns, bias, x, 1, before, after);
  else
    bias_gelu(rows, columns, bias, x, 0, before, after);
}

INLINE void gelu_backward(long count, int bf16, const void *before, const float *dafter, void *after, void *dbefore) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) {
    float x = stored(before, bf16, i), slope = dafter[i];
    struct normal at = ck_normal(x);
    store(after, bf16, i, x * at.share);
    store(dbefore, bf16, i, slope * (at.share + x * at.density));
  }
}

KERNEL void ck_gelu_backward(long count, int bf16, const void *before, const float *dafter, void *after, void *dbefore) {
  if (bf16)
    gelu_backward(count, 1, before, dafter, after, dbefore);
  else
    gelu_backward(count, 0, before, dafter, after, dbefore);
}

/* The gated linear unit: the left half of a row through swish, times the right half (Shazeer 2020). What is kept is rounded first. */
INLINE void bias_swiglu(long rows, long width, const float *bias, const float *x, int bf16, void *before, void *after) {
  for (long r = 0; r < rows; r++) {
    long left = 2 * r * width, right = left + width;
    VECTOR_LOOP
    for (long c = 0; c < width; c++) {
      float a = x[left + c] + bias[c], b = x[right + c] + bias[width + c];
      a = bf16 ? widen(narrow_to_nearest(a)) : a;
      b = bf16 ? widen(narrow_to_nearest(b)) : b;
      store(before, bf16, left + c, a);
      store(before, bf16, right + c, b);
      store(after, bf16, r * width + c, a * ck_sigmoid(a) * b);
    }
  }
}

KERNEL void ck_bias_swiglu(long rows, long width, const float *bias, const float *x, int bf16, void *before, void *after) {
  if (bf16)
    bias_swiglu(rows, width, bias, x, 1, before, after);
  else
    bias_swiglu(rows, width, bias, x, 0, before, after);
}

INLINE void swiglu_backward(long rows, long width, int bf16, const void *before, const float *dafter, void *after, void *dbefore) {
  for (long r = 0; r < rows; r++) {
    long left = 2 * r * width, right = left + width;
    VECTOR_LOOP
    for (long c = 0; c < width; c++) {
      float a = stored(before, bf16, left + c), b = stored(before, bf16, right + c), slope = dafter[r * width + c];
      float s = ck_sigmoid(a), swished = a * s;
      store(after, bf16, r * width + c, swished * b);
      store(dbefore, bf16, left + c, slope * b * (s + swished * (1.0f - s)));
      store(dbefore, bf16, right + c, slope * swished);
    }
  }
}

KERNEL void ck_swiglu_backward(long rows, long width, int bf16, const void *before, const float *dafter, void *after,
                               void *dbefore) {
  if (bf16)
    swiglu_backward(rows, width, 1, before, dafter, after, dbefore);
  else
    swiglu_backward(rows, width, 0, before, dafter, after, dbefore);
}
