/* What a kernel of pairs must pass before it is used: fixed factors of several shapes against plain loops in double. */
#include <math.h>

#include "CKernels.h"
#include "pairs.h"
#include "strip.h"

/* Blocks of 32 rows, and their parts; depths below, at and beyond 16 words; two strips; C and A with gaps. */
enum { ROWS = 51, WORDS = 37, COLUMNS = 2 * STRIP, LDC = COLUMNS + 3 };

struct factors {
  pair_word a[ROWS * WORDS], b[WORDS * COLUMNS];
  float before[ROWS * LDC], after[ROWS * LDC];
};

/* Whole numbers of at most 8, or numbers below 1 of either sign; all are bfloat16. */
static uint16_t draw(int whole, float uniform) { return narrow_to_nearest(whole ? rintf(8.0f * uniform) : uniform); }

static void draw_pairs(int whole, uint64_t row, long count, pair_word *words) {
  struct ck_stream stream = {1, 2, 3, 4};
  float numbers[64];
  for (long i = 0; i < count; i += 32) {
    ck_fill_uniform(stream, row + (uint64_t)i, 64, 1.0f, numbers);
    for (long j = 0; j < 32 && i + j < count; j++) words[i + j] = pair(draw(whole, numbers[2 * j]), draw(whole, numbers[2 * j + 1]));
  }
}

/* Whether element (i, j) of s is what plain loops give. A kernel rounds at most three times a pair, by less than the last of 24 binary
 * digits of a number that is at most all terms' sizes together. Sums of whole numbers leave nothing to round. */
static int element_agrees(int whole, const struct ck_strips *s, const float *before, long i, long j) {
  double sum = s->add ? (double)before[i * s->ldc + j] : 0, size = fabs(sum);
  const pair_word *a = s->a + i * s->a_row, *b = s->b + j / STRIP * s->b_strip + j % STRIP;
  for (long k = 0; k < s->depth; k++) {
    pair_word x = a[k * s->a_column], y = b[k * s->b_row];
    double first = (double)widen((uint16_t)x) * widen((uint16_t)y), second = (double)widen(x >> 16) * widen(y >> 16);
    sum += first + second, size += fabs(first) + fabs(second);
  }
  double most = whole ? 0 : (3.0 * (double)s->depth + 1) * 0x1p-23 * size;
  return fabs((double)s->c[i * s->ldc + j] - sum) <= most; /* not when it is a NaN */
}

static int shape_agrees(ck_pair_kernel kernel, int whole, struct ck_strips s, const float *before, float *after) {
  memcpy(after, before, sizeof(float) * ROWS * LDC);
  s.c = after;
  kernel(&s);
  for (long i = 0; i < s.rows; i++)
    for (long j = 0; j < s.columns; j++)
      if (!element_agrees(whole, &s, before, i, j)) return 0;
  return 1;
}

int ck_agrees(ck_pair_kernel kernel) {
  static const long rows[] = {1, 16, 23, ROWS}, depths[] = {1, 16, 21, WORDS};
  struct factors f;
  for (int whole = 0; whole < 2; whole++) {
    draw_pairs(whole, 1000, ROWS * WORDS, f.a), draw_pairs(whole, 9000, WORDS * COLUMNS, f.b);
    for (long i = 0; i < ROWS * LDC; i++) f.before[i] = (float)(i % 17 - 8);
    for (int r = 0; r < 4; r++)
      for (int transposed = 0; transposed < 2; transposed++) {
        /* A's rows, or its columns, stand together; B's strips stand beside each other, as attention has them, or apart. */
        struct ck_strips s = {.rows = rows[r], .columns = r ? COLUMNS : STRIP, .a = f.a, .b = f.b, .ldc = LDC, .add = r % 2};
        s.a_row = transposed ? 1 : WORDS, s.a_column = transposed ? ROWS : 1;
        s.b_row = transposed ? COLUMNS : STRIP, s.b_strip = transposed ? STRIP : WORDS * STRIP;
        for (int d = 0; d < 4; d++) {
          s.depth = depths[d];
          if (!shape_agrees(kernel, whole, s, f.before, f.after)) return 0;
        }
      }
  }
  return 1;
}
