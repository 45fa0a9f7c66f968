/* The two losses over blocks of rows: value and gradient in one pass over the block. */
#include "CKernels.h"
#include "activation.h"

/* log(1 + e^x) without overflow. */
INLINE float softplus(float x) {
  float a = __builtin_fabsf(x);
  return (x > 0 ? x : 0) + log1pf(ck_expf(-a));
}

INLINE float logistic(float x) {
  float e = ck_expf(-__builtin_fabsf(x));
  return x >= 0 ? 1.0f / (1.0f + e) : e / (1.0f + e);
}

/* Logits of one row less their correction, and the largest of them and `top`. An excluded column (the target itself among the
 * negatives) gets a logit whose exponential is zero. A NaN is no largest: it comes back through the sum. */
INLINE float correct_row(long n, const float *correction, const int32_t *ids, int32_t target, float *row, float top) {
  typedef int32_t i32v __attribute__((vector_size(64), aligned(4), may_alias));
  const v16 excluded = (v16){} - 3.0e38f;
  v16 tops = (v16){} + top;
  long j = 0;
  for (; j + 16 <= n; j += 16) {
    v16 x = *(const v16 *)(row + j);
    if (correction) x -= *(const v16 *)(correction + j);
    x = (v16)pick((u32v)(*(const i32v *)(ids + j) == target), (u32v)excluded, (u32v)x);
    *(v16 *)(row + j) = x;
    tops = (v16)pick((u32v)(x > tops), (u32v)x, (u32v)tops);
  }
  for (int lane = 0; lane < 16; lane++) top = tops[lane] > top ? tops[lane] : top;
  for (; j < n; j++) {
    float x = correction ? row[j] - correction[j] : row[j];
    row[j] = ids[j] == target ? excluded[0] : x;
    top = row[j] > top ? row[j] : top;
  }
  return top;
}

INLINE double sampled_softmax(const struct ck_softmax_block *block, int form) {
  FAST_SUMS
  const struct ck_softmax_block b = *block; /* here, so that no store makes the compiler read it again */
  const long negatives = b.negatives;
  double total = 0;
  for (long r = 0; r < b.rows; r++) {
    float *row = b.logits + r * negatives, own = b.positive[r], sum = 0;
    int32_t target = b.targets[r];
    float top = b.correction ? correct_row(negatives, b.correction, b.negative_ids, target, row, own)
                             : correct_row(negatives, 0, b.negative_ids, target, row, own);
    VECTOR_LOOP
    for (long j = 0; j < negatives; j++) {
      row[j] = ck_exp_down(row[j] - top, form != FLOATS);
      sum += row[j];
    }
    float own_part = ck_expf(own - top), all = sum + own_part, factor = b.weight / all;
    ROUNDING_LOOP
    for (long j = 0; j < negatives; j++) store(b.gradient, form, r * b.ld_gradient + j, row[j] * factor);
    for (long j = negatives; j < b.ld_gradient; j++) store(b.gradient, form, r * b.ld_gradient + j, 0);
    b.positive[r] = -sum * factor;
    total += (double)logf(all) + ((double)top - (double)own);
  }
  return total;
}

ACTIVATION_KERNEL(double, sampled_softmax, (const struct ck_softmax_block *block, int bf16), block, form)

KERNEL double ck_cross_user_bpr(long rows, long users, float weight, const int32_t *row_targets, const int32_t *user_targets,
                                const int32_t *own, float *scores) {
  FAST_SUMS
  double total = 0;
  for (long r = 0; r < rows; r++) {
    float *row = scores + r * users, mine = row[own[r]], loss = 0, gradient = 0;
    int32_t target = row_targets[r];
    for (long u = 0; u < users; u++) {
      float counts = user_targets[u] == target ? 0.0f : 1.0f;
      loss += counts * softplus(row[u] - mine);
      float g = counts * weight * logistic(row[u] - mine);
      row[u] = g;
      gradient += g;
    }
    row[own[r]] -= gradient;
    total += (double)loss;
  }
  return total;
}

KERNEL void ck_row_dots(long rows, long columns, float factor, const float *x, long ldx, const float *y, long ldy, float *out) {
  FAST_SUMS
  for (long r = 0; r < rows; r++) {
    float sum = 0;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) sum += x[r * ldx + c] * y[r * ldy + c];
    out[r] = factor * sum;
  }
}

KERNEL void ck_add_scaled_rows(long rows, long columns, const float *factors, const float *x, long ldx, float *y, long ldy) {
  for (long r = 0; r < rows; r++) {
    float factor = factors[r];
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) y[r * ldy + c] += factor * x[r * ldx + c];
  }
}
