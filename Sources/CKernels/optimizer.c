/* Optimizer updates: AdamW over the flat dense buffer, row-wise AdaGrad and lazy Adam over one row of a table. Rows that
 * are stored as bfloat16 are read, updated in float32 and rounded once, at random: to the nearest, an update below half the last
 * kept digit would never arrive, however often it is made. */
#include "CKernels.h"
#include "bfloat16.h"

KERNEL void ck_adamw(long count, float learning_rate, float beta1, float beta2, float epsilon, float weight_decay, float correction1,
                     float correction2, float gradient_factor, const uint8_t *decay, const float *gradient, float *value, float *m,
                     float *v) {
  float shrink = 1.0f - learning_rate * weight_decay, step = learning_rate / correction1, root = 1.0f / ck_sqrtf(correction2);
  VECTOR_LOOP
  for (long i = 0; i < count; i++) {
    float g = gradient[i] * gradient_factor;
    float mi = beta1 * m[i] + (1.0f - beta1) * g, vi = beta2 * v[i] + (1.0f - beta2) * g * g;
    float kept = value[i] * (decay[i] ? shrink : 1.0f);
    m[i] = mi;
    v[i] = vi;
    value[i] = kept - step * mi / (ck_sqrtf(vi) * root + epsilon);
  }
}

KERNEL void ck_adagrad_row(long width, float learning_rate, float epsilon, const float *gradient, float *value, float *accumulator) {
  FAST_SUMS
  float sum = 0;
  VECTOR_LOOP
  for (long c = 0; c < width; c++) sum += gradient[c] * gradient[c];
  if (sum == 0.0f) return; /* a row without gradient is untouched */
  *accumulator += sum / (float)width;
  float step = learning_rate / (ck_sqrtf(*accumulator) + epsilon);
  VECTOR_LOOP
  for (long c = 0; c < width; c++) value[c] -= step * gradient[c];
}

KERNEL void ck_adam_row(long width, float learning_rate, float beta1, float beta2, float epsilon, float correction1, float correction2,
                        const float *gradient, float *value, float *m, float *v) {
  float step = learning_rate / correction1, root = 1.0f / ck_sqrtf(correction2);
  VECTOR_LOOP
  for (long c = 0; c < width; c++) {
    m[c] = beta1 * m[c] + (1.0f - beta1) * gradient[c];
    v[c] = beta2 * v[c] + (1.0f - beta2) * gradient[c] * gradient[c];
    value[c] -= step * m[c] / (ck_sqrtf(v[c]) * root + epsilon);
  }
}

/* values[0 ..< n], the columns from `start` on, become the row's; n <= DRAW_TILE. */
INLINE void round_tile(struct ck_stream rounding, uint64_t key, long start, long n, const float *values, uint16_t *row) {
  uint32_t bits[DRAW_TILE];
  draw_tile(rounding, key, start, bits);
  VECTOR_LOOP
  for (long c = 0; c < n; c++) row[start + c] = narrow(values[c], bits[c]);
}

KERNEL void ck_adagrad_row_bf16(struct ck_stream rounding, uint64_t key, long width, float learning_rate, float epsilon,
                                const float *gradient, uint16_t *value, float *accumulator) {
  FAST_SUMS
  float sum = 0;
  VECTOR_LOOP
  for (long c = 0; c < width; c++) sum += gradient[c] * gradient[c];
  if (sum == 0.0f) return;
  *accumulator += sum / (float)width;
  float step = learning_rate / (ck_sqrtf(*accumulator) + epsilon), updated[DRAW_TILE];
  for (long start = 0; start < width; start += DRAW_TILE) {
    long n = width - start < DRAW_TILE ? width - start : DRAW_TILE;
    VECTOR_LOOP
    for (long c = 0; c < n; c++) updated[c] = widen(value[start + c]) - step * gradient[start + c];
    round_tile(rounding, key, start, n, updated, value);
  }
}

KERNEL void ck_adam_row_bf16(struct ck_stream rounding, uint64_t key, long width, float learning_rate, float beta1, float beta2,
                             float epsilon, float correction1, float correction2, const float *gradient, uint16_t *value,
                             float *m, float *v) {
  float step = learning_rate / correction1, root = 1.0f / ck_sqrtf(correction2), updated[DRAW_TILE];
  for (long start = 0; start < width; start += DRAW_TILE) {
    long n = width - start < DRAW_TILE ? width - start : DRAW_TILE;
    VECTOR_LOOP
    for (long c = 0; c < n; c++) {
      float g = gradient[start + c];
      m[start + c] = beta1 * m[start + c] + (1.0f - beta1) * g;
      v[start + c] = beta2 * v[start + c] + (1.0f - beta2) * g * g;
      updated[c] = widen(value[start + c]) - step * m[start + c] / (ck_sqrtf(v[start + c]) * root + epsilon);
    }
    round_tile(rounding, key, start, n, updated, value);
  }
}
