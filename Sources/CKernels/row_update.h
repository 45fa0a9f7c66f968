/* The update of some rows of a table from their gradients, inlined into the kernels that have the gradients in cache.
 *
 * Stored rows are read, updated in float32 and written once. What is stored in sixteen bits is rounded at random: to the
 * nearest, an update below half the last kept digit would never arrive, however often it is made. */
#ifndef PRECISE_ROW_UPDATE_H
#define PRECISE_ROW_UPDATE_H

#include "stored.h"

/* Rows that are updated side by side. */
enum { UPDATE_ROWS = DRAW_ROWS };

/* base to a whole power, by squaring. */
INLINE double whole_power(double base, long exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

/* What a row's update needs of its state: a factor, and for Adam the root of the second correction. */
struct row_step {
  float factor, root;
  float *m, *v;
};

/* Counts the update of row `row`, whose gradient's squares sum to `squares`; 0 when the row stays untouched. */
INLINE int begin_row(const struct ck_row_update *u, long row, long width, float squares, struct row_step *step) {
  *step = (struct row_step){0, 0, 0, 0};
  if (u->rule == CK_ADAGRAD) {
    if (squares == 0.0f) return 0; /* a row without gradient is untouched */
    u->accumulator[row] += squares / (float)width;
    step->factor = u->learning_rate / (ck_sqrtf(u->accumulator[row]) + u->epsilon);
    return 1;
  }
  long count = (long)(u->updates[row] += 1);
  float correction1 = (float)(1 - whole_power(u->beta1, count)), correction2 = (float)(1 - whole_power(u->beta2, count));
  *step = (struct row_step){u->learning_rate / correction1, 1.0f / ck_sqrtf(correction2), u->m + row * width, u->v + row * width};
  return 1;
}

/* The change of `lanes` numbers from column c on. */
INLINE v16 row_change(const struct ck_row_update *u, struct row_step step, long c, long lanes, v16 gradient) {
#pragma clang fp contract(fast)
  if (u->rule == CK_ADAGRAD) return step.factor * gradient;
  v16 m = u->beta1 * float_load(step.m + c, lanes) + (1.0f - u->beta1) * gradient;
  v16 v = u->beta2 * float_load(step.v + c, lanes) + (1.0f - u->beta2) * gradient * gradient;
  float_store(step.m + c, lanes, m);
  float_store(step.v + c, lanes, v);
  return step.factor * m / (__builtin_elementwise_sqrt(v) * step.root + u->epsilon);
}

/* What becomes of `lanes` stored numbers from column c of row `at` on. */
INLINE void update_part(int element, const struct ck_row_update *u, struct row_step step, long at, long c, long lanes,
                        const float *gradient, void *values, u32v random) {
#pragma clang fp contract(fast)
  v16 change = row_change(u, step, c, lanes, float_load(gradient + c, lanes));
  stored_store(values, element, at + c, lanes, stored_load(values, element, at + c, lanes) - change, random);
}

/* Updates `rows` (a constant, at most UPDATE_ROWS) rows from number `first` on: gradient [rows, width], with the sums of its
 * squares. */
INLINE void update_few(int rows, int element, long first, long width, const struct ck_row_update *u, const float *gradient,
                       const float *squares, void *values) {
  struct row_step steps[UPDATE_ROWS];
  int touched[UPDATE_ROWS];
  uint64_t keys[UPDATE_ROWS];
  for (int r = 0; r < rows; r++) {
    touched[r] = begin_row(u, first + r, width, squares[r], &steps[r]);
    keys[r] = u->key + (uint64_t)(first + r);
  }
  for (long start = 0; start < width; start += DRAW_TILE) {
    struct draws draws[UPDATE_ROWS]; /* float32 needs none, and its code reads none */
    if (element != CK_FP32) draw_rows(rows, u->rounding, keys, start, draws);
#pragma clang loop unroll(disable)
    for (int r = 0; r < rows; r++) {
      if (!touched[r]) continue;
      const float *row = gradient + r * width;
      long at = (first + r) * width, c = start;
      if (start + DRAW_TILE <= width) {
#pragma clang loop unroll(full)
        for (int v = 0; v < DRAW_TILE / 16; v++)
          update_part(element, u, steps[r], at, start + 16 * v, 16, row, values, drawn(&draws[r], v));
        continue;
      }
      for (; c + 16 <= width; c += 16)
        update_part(element, u, steps[r], at, c, 16, row, values, drawn(&draws[r], (int)(c - start) / 16));
      if (c < width) update_part(element, u, steps[r], at, c, width - c, row, values, drawn(&draws[r], (int)(c - start) / 16));
    }
  }
}

#endif
