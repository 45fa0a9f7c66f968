/* Vector sums, bias and gelu. */
#include "CKernels.h"
#include "vector.h"

KERNEL void ck_add(long count, const float *x, float *y) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) y[i] += x[i];
}

KERNEL void ck_scale(long count, float factor, float *x) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) x[i] *= factor;
}

/* Blocks of 4096 are summed in float, the blocks in double: as exact as needed, and vectorised. */
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

/* An exponent of all ones marks NaN and infinity. */
KERNEL int ck_all_finite(long count, const float *x) {
  const uint32_t *bits = (const uint32_t *)x;
  for (long start = 0; start < count; start += 4096) {
    long end = start + 4096 < count ? start + 4096 : count;
    uint32_t bad = 0;
    VECTOR_LOOP
    for (long i = start; i < end; i++) bad |= (uint32_t)((bits[i] & 0x7f800000u) == 0x7f800000u);
    if (bad) return 0;
  }
  return 1;
}

KERNEL void ck_add_bias(long rows, long columns, const float *bias, float *y) {
  for (long r = 0; r < rows; r++)
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) y[r * columns + c] += bias[c];
}

KERNEL void ck_bias_gradient(long rows, long columns, const float *dy, float *dbias) {
  for (long start = 0; start < columns; start += 256) {
    long n = columns - start < 256 ? columns - start : 256;
    float sum[256] = {0};
    for (long r = 0; r < rows; r++)
      VECTOR_LOOP
      for (long c = 0; c < n; c++) sum[c] += dy[r * columns + start + c];
    VECTOR_LOOP
    for (long c = 0; c < n; c++) dbias[start + c] += sum[c];
  }
}

KERNEL void ck_bias_gelu(long rows, long columns, const float *bias, float *before, float *after) {
  for (long r = 0; r < rows; r++)
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) {
      float x = before[r * columns + c] + bias[c];
      before[r * columns + c] = x;
      after[r * columns + c] = x * ck_normal_cdf(x);
    }
}

KERNEL void ck_gelu_backward(long count, const float *before, const float *dafter, float *dbefore) {
  VECTOR_LOOP
  for (long i = 0; i < count; i++) {
    float x = before[i];
    float density = 0.39894228040143268f * ck_expf(-0.5f * x * x);
    dbefore[i] = dafter[i] * (ck_normal_cdf(x) + x * density);
  }
}
