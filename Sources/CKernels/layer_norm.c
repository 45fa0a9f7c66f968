/* Layer normalization (Ba, Kiros, Hinton 2016) over the columns of each row, forward then backward. */
#include "CKernels.h"
#include "activation.h"

INLINE void layer_norm(const struct ck_norm *norm, float epsilon, const float *bias, int form, void *y) {
  FAST_SUMS
  const long columns = norm->columns;
  const struct ck_norm n = *norm; /* here, so that no store makes the compiler read it again */
  for (long r = 0; r < n.rows; r++) {
    const float *xr = n.x + r * columns;
    float sum = 0, squares = 0;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) sum += xr[c];
    float mu = sum / (float)columns;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) squares += (xr[c] - mu) * (xr[c] - mu);
    float inverse = 1.0f / sqrtf(squares / (float)columns + epsilon);
    ROUNDING_LOOP
    for (long c = 0; c < columns; c++) store(y, form, r * columns + c, (xr[c] - mu) * inverse * n.scale[c] + bias[c]);
    n.mean[r] = mu;
    n.inverse_deviation[r] = inverse;
  }
}

ACTIVATION_KERNEL(void, layer_norm,
                  (const struct ck_norm *norm, float epsilon, const float *bias, int bf16, void *y),
                  norm, epsilon, bias, form, y)

/* x^ = (x - mean) / deviation, g = dy * scale:  dx = (g - mean(g) - x^ * mean(g * x^)) / deviation.
 *
 * With arguments and no struct: into how many partial sums the compiler cuts a sum, and with it the sum's last bits, hangs on what
 * it knows of the pointers. Declared first, because clang refuses KERNEL's two attributes on a static function's first line. */
static void layer_norm_backward(long, long, const float *, const float *, const float *, const float *, const float *, float *,
                                float *, float *);
KERNEL void layer_norm_backward(long rows, long columns, const float *x, const float *scale, const float *mean,
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

void ck_layer_norm_backward(const struct ck_norm *norm, const float *dy, float *dx, float *dscale, float *dbias) {
  layer_norm_backward(norm->rows, norm->columns, norm->x, norm->scale, norm->mean, norm->inverse_deviation, dy, dx, dscale, dbias);
}
