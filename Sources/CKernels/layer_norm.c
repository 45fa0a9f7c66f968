/* Layer normalization (Ba, Kiros, Hinton 2016) over the columns of each row, forward then backward. */
#include "CKernels.h"
#include "bfloat16.h"

INLINE void layer_norm(long rows, long columns, float epsilon, const float *x, const float *scale, const float *bias, int bf16,
                       void *y, float *mean, float *inverse_deviation) {
  FAST_SUMS
  for (long r = 0; r < rows; r++) {
    const float *xr = x + r * columns;
    float sum = 0, squares = 0;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) sum += xr[c];
    float mu = sum / (float)columns;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) squares += (xr[c] - mu) * (xr[c] - mu);
    float inverse = 1.0f / sqrtf(squares / (float)columns + epsilon);
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) store(y, bf16, r * columns + c, (xr[c] - mu) * inverse * scale[c] + bias[c]);
    mean[r] = mu;
    inverse_deviation[r] = inverse;
  }
}

KERNEL void ck_layer_norm(long rows, long columns, float epsilon, const float *x, const float *scale, const float *bias, int bf16,
                          void *y, float *mean, float *inverse_deviation) {
  if (bf16)
    layer_norm(rows, columns, epsilon, x, scale, bias, 1, y, mean, inverse_deviation);
  else
    layer_norm(rows, columns, epsilon, x, scale, bias, 0, y, mean, inverse_deviation);
}

/* x^ = (x - mean) / deviation, g = dy * scale:  dx = (g - mean(g) - x^ * mean(g * x^)) / deviation. */
KERNEL void ck_layer_norm_backward(long rows, long columns, const float *x, const float *scale, const float *mean,
                                   const float *inverse_deviation, const float *dy, float *dx, float *dscale, float *dbias) {
  FAST_SUMS
  for (long r = 0; r < rows; r++) {
    const float *xr = x + r * columns, *dyr = dy + r * columns;
    float mu = mean[r], inverse = inverse_deviation[r], sum = 0, dot = 0;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) {
      float normalized = (xr[c] - mu) * inverse, g = dyr[c] * scale[c];
      sum += g;
      dot += g * normalized;
      dscale[c] += dyr[c] * normalized;
      dbias[c] += dyr[c];
    }
    sum /= (float)columns;
    dot /= (float)columns;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++)
      dx[r * columns + c] += inverse * (dyr[c] * scale[c] - sum - (xr[c] - mu) * inverse * dot);
  }
}
