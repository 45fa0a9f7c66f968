/* The two losses over blocks of rows: value and gradient in one pass over the block. */
#include "CKernels.h"
#include "exponential.h"

typedef int32_t i32v __attribute__((vector_size(64), aligned(4), may_alias));

/* log(1 + e) for 0 <= e <= 1, relative error < 2e-7: 2 artanh(e / (2 + e)), by its series. */
INLINE float log_of_one_and(float e) {
  const float terms[] = {2.0f, 2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9, 2.0f / 11, 2.0f / 13};
  float part = e / (2.0f + e);
  return part * polynomial(7, terms, part * part);
}

/* log(1 + e^x) and 1 / (1 + e^-x), where e = e^-|x|. */
INLINE float softplus(float x, float e) { return (x > 0 ? x : 0) + log_of_one_and(e); }

INLINE float logistic(float x, float e) { return (x >= 0 ? 1.0f : e) / (1.0f + e); }

/* The largest of one row's logits, less their correction, and `top`. An excluded column (the target itself among the negatives) gets
 * a logit whose exponential is zero; that is rare, so nothing else is written. A NaN is no largest: it comes back through the sum. */
INLINE float largest_logit(long n, const float *correction, const int32_t *ids, int32_t target, float *row, float top) {
  const v16 excluded = (v16){} - 3.0e38f;
  v16 tops[2] = {(v16){} + top, (v16){} + top};
  long j = 0;
  for (; j + 32 <= n; j += 32) {
    i32v same[2] = {*(const i32v *)(ids + j) == target, *(const i32v *)(ids + j + 16) == target};
    int any = __builtin_reduce_or(same[0] | same[1]);
#pragma clang loop unroll(full)
    for (int v = 0; v < 2; v++) {
      float *at = row + j + 16 * v;
      if (any) *(v16 *)at = (v16)pick((u32v)same[v], (u32v)excluded, *(const u32v *)at);
      v16 x = *(const v16 *)at;
      if (correction) x -= *(const v16 *)(correction + j + 16 * v);
      tops[v] = (v16)pick((u32v)(x > tops[v]), (u32v)x, (u32v)tops[v]);
    }
  }
  for (int lane = 0; lane < 16; lane++) tops[0][lane] = tops[1][lane] > tops[0][lane] ? tops[1][lane] : tops[0][lane];
  for (int lane = 0; lane < 16; lane++) top = tops[0][lane] > top ? tops[0][lane] : top;
  for (; j < n; j++) {
    if (ids[j] == target) row[j] = excluded[0];
    float x = correction ? row[j] - correction[j] : row[j];
    top = x > top ? x : top;
  }
  return top;
}

/* e^(logit - correction - top) of one row, stored in a form; returns their sum. */
INLINE float exponentials(long n, const float *row, const float *correction, float top, int form, void *out) {
  FAST_SUMS
  float sum = 0;
  ROUNDING_LOOP
  for (long j = 0; j < n; j++) {
    float e = ck_exp_down((correction ? row[j] - correction[j] : row[j]) - top, form != FLOATS);
    store(out, form, j, e);
    sum += e;
  }
  return sum;
}

/* The same where it is rounded to bfloat16 by the processor. */
BF16_TARGET static float exponentials_by_instruction(long n, const float *row, const float *correction, float top, uint16_t *out) {
  const v16 tops = (v16){} + top, zero = {};
  v16 sums[2] = {zero, zero};
  long j = 0;
  for (; j + 32 <= n; j += 32)
#pragma clang loop unroll(full)
    for (int v = 0; v < 2; v++) {
      v16 x = *(const v16 *)(row + j + 16 * v);
      if (correction) x -= *(const v16 *)(correction + j + 16 * v);
      x = exp_short(x - tops);
      sums[v] += x;
      store_short(out + j + 16 * v, x);
    }
  for (; j < n; j += 16) {
    const long lanes = n - j < 16 ? n - j : 16;
    v16 x = load_first(lanes, row + j);
    if (correction) x -= load_first(lanes, correction + j);
    x = first_of(lanes, exp_short(x - tops), zero);
    sums[0] += x;
    uint16_t rounded[16];
    store_short(rounded, x);
    memcpy(out + j, rounded, sizeof(uint16_t) * (size_t)lanes);
  }
  return sum_of(sums[0] + sums[1]);
}

INLINE double sampled_softmax(const struct ck_softmax_block *block, int form) {
  const struct ck_softmax_block b = *block; /* here, so that no store makes the compiler read it again */
  const long negatives = b.negatives;
  double total = 0;
  for (long r = 0; r < b.rows; r++) {
    float *row = b.logits + r * negatives, own = b.positive[r];
    void *out = (char *)b.exponentials + r * b.ld_exponentials * (form == FLOATS ? 4 : 2);
    float top = b.correction ? largest_logit(negatives, b.correction, b.negative_ids, b.targets[r], row, own)
                             : largest_logit(negatives, 0, b.negative_ids, b.targets[r], row, own);
    float sum = form == BF16_BY_INSTRUCTION ? exponentials_by_instruction(negatives, row, b.correction, top, out)
                : b.correction              ? exponentials(negatives, row, b.correction, top, form, out)
                                            : exponentials(negatives, row, 0, top, form, out);
    for (long j = negatives; j < b.ld_exponentials; j++) store(out, form, j, 0);
    float own_part = ck_expf(own - top), all = sum + own_part;
    b.factors[r] = b.weight / all;
    b.positive[r] = -sum * b.factors[r];
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
    VECTOR_LOOP
    for (long u = 0; u < users; u++) {
      float counts = user_targets[u] == target ? 0.0f : 1.0f, x = row[u] - mine, e = ck_expf(-__builtin_fabsf(x));
      loss += counts * softplus(x, e);
      row[u] = counts * weight * logistic(x, e);
      gradient += row[u];
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

INLINE void scale_rows(long rows, long columns, const float *factors, const float *x, long ldx, int form, void *out) {
  for (long r = 0; r < rows; r++) {
    float factor = factors[r];
    ROUNDING_LOOP
    for (long c = 0; c < columns; c++) store(out, form, r * columns + c, factor * x[r * ldx + c]);
  }
}

ACTIVATION_KERNEL(void, scale_rows,
                  (long rows, long columns, const float *factors, const float *x, long ldx, int bf16, void *out),
                  rows, columns, factors, x, ldx, form, out)
