/* Optimizer updates: AdamW over the flat dense buffer, row-wise AdaGrad and lazy Adam over rows of a table. */
#include "CKernels.h"
#include "row_update.h"

KERNEL void ck_adamw(const struct ck_adamw_step *constants, long count, const uint8_t *decay, const float *gradient, float *value,
                     float *m, float *v) {
  const struct ck_adamw_step s = *constants; /* here, so that no store makes the compiler read it again */
  float shrink = 1.0f - s.learning_rate * s.weight_decay, step = s.learning_rate / s.correction1;
  float root = 1.0f / ck_sqrtf(s.correction2);
  VECTOR_LOOP
  for (long i = 0; i < count; i++) {
    float g = gradient[i] * s.gradient_factor;
    float mi = s.beta1 * m[i] + (1.0f - s.beta1) * g, vi = s.beta2 * v[i] + (1.0f - s.beta2) * g * g;
    float kept = value[i] * (decay[i] ? shrink : 1.0f);
    m[i] = mi;
    v[i] = vi;
    value[i] = kept - step * mi / (ck_sqrtf(vi) * root + s.epsilon);
  }
}

INLINE float squares_of(long n, const float *x) {
  FAST_SUMS
  float sum = 0;
  VECTOR_LOOP
  for (long i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

INLINE void update_rows(int element, long rows, long width, const struct ck_row_update *update, const float *gradient,
                        void *values) {
  for (long r = 0; r < rows; r++) {
    float squares = squares_of(width, gradient + r * width);
    update_few(1, element, r, width, update, gradient + r * width, &squares, values);
  }
}

STORED_KERNEL(update_rows,
              (int element, long rows, long width, const struct ck_row_update *update, const float *gradient, void *values), rows,
              width, update, gradient, values)
