/* Products of pairs by BFMMLA, in ARM's processors with FEAT_BF16: one instruction multiplies two rows of four bfloat16 by two columns
 * of four. BFDOT reads the packed strips as they are, but does half as much; for BFMMLA the words of two rows are interleaved in
 * registers. An element's sum is the same bit for bit, pair by pair from the first to the last. */
#include "CKernels.h"
#include "strip.h"
#include "vector.h"

#if defined(__aarch64__) && defined(__linux__)
#include <arm_neon.h>
#include <sys/auxv.h>

#define BFMMLA_TARGET __attribute__((target("bf16")))

int ck_bfmmla_state(void) {
  enum { HAS_BF16 = 1 << 14 }; /* HWCAP2_BF16: older headers lack it */
  return getauxval(AT_HWCAP2) & HAS_BF16 ? CK_KERNEL_USABLE : CK_KERNEL_NO_PROCESSOR;
}

enum { HIGH = 8, WIDE = 8 }; /* of a tile of sums, in 16 registers of 2 x 2 */

/* Words k and, when there are `two`, k + 1 of two rows of A. */
BFMMLA_TARGET INLINE bfloat16x8_t left(const pair_word *a, long a_row, long a_column, int two) {
  uint32x4_t words = {a[0], two ? a[a_column] : 0, a[a_row], two ? a[a_row + a_column] : 0};
  return vreinterpretq_bf16_u32(words);
}

/* One step along the sum, of two words or the last one: `rows` and `two` are constants at every call. */
BFMMLA_TARGET INLINE void step(int rows, int two, const struct ck_strips *s, const pair_word *a, const pair_word *b,
                               float32x4_t sums[HIGH / 2][WIDE / 2]) {
  bfloat16x8_t right[WIDE / 2];
#pragma clang loop unroll(full)
  for (int j = 0; j < WIDE / 4; j++) {
    uint32x4_t first = vld1q_u32((const uint32_t *)(b + 4 * j));
    uint32x4_t second = two ? vld1q_u32((const uint32_t *)(b + s->b_row + 4 * j)) : vdupq_n_u32(0);
    right[2 * j] = vreinterpretq_bf16_u32(vzip1q_u32(first, second));
    right[2 * j + 1] = vreinterpretq_bf16_u32(vzip2q_u32(first, second));
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < (rows + 1) / 2; i++) {
    /* A single row is multiplied twice, and kept once. */
    bfloat16x8_t x = left(a + 2 * i * s->a_row, rows > 1 ? s->a_row : 0, s->a_column, two);
#pragma clang loop unroll(full)
    for (int j = 0; j < WIDE / 2; j++) sums[i][j] = vbfmmlaq_f32(sums[i][j], x, right[j]);
  }
}

/* `rows` x 8 sums. */
BFMMLA_TARGET INLINE void pair_tile(int rows, const struct ck_strips *s, const pair_word *a, const pair_word *b, float *c) {
  const long below = rows > 1 ? s->ldc : 0;
  float32x4_t sums[HIGH / 2][WIDE / 2];
#pragma clang loop unroll(full)
  for (int i = 0; i < (rows + 1) / 2; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < WIDE / 2; j++) {
      const float *from = c + 2 * i * s->ldc + 2 * j;
      sums[i][j] = s->add ? vcombine_f32(vld1_f32(from), vld1_f32(from + below)) : vdupq_n_f32(0);
    }
  long k = 0;
  for (; k + 2 <= s->depth; k += 2) step(rows, 1, s, a + k * s->a_column, b + k * s->b_row, sums);
  if (k < s->depth) step(rows, 0, s, a + k * s->a_column, b + k * s->b_row, sums);
#pragma clang loop unroll(full)
  for (int i = 0; i < (rows + 1) / 2; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < WIDE / 2; j++) {
      float *to = c + 2 * i * s->ldc + 2 * j;
      if (rows > 1) vst1_f32(to + s->ldc, vget_high_f32(sums[i][j]));
      vst1_f32(to, vget_low_f32(sums[i][j]));
    }
}

BFMMLA_TARGET void ck_bfmmla_strips(const struct ck_strips *strips) {
  const struct ck_strips s = *strips;
  for (long j = 0; j < s.columns; j += WIDE) {
    const pair_word *a = s.a, *b = s.b + j / STRIP * s.b_strip + j % STRIP;
    float *c = s.c + j;
    long left_over = s.rows;
    for (; left_over >= 8; left_over -= 8, a += 8 * s.a_row, c += 8 * s.ldc) pair_tile(8, &s, a, b, c);
    if (left_over & 4) pair_tile(4, &s, a, b, c), a += 4 * s.a_row, c += 4 * s.ldc;
    if (left_over & 2) pair_tile(2, &s, a, b, c), a += 2 * s.a_row, c += 2 * s.ldc;
    if (left_over & 1) pair_tile(1, &s, a, b, c);
  }
}
#else
int ck_bfmmla_state(void) { return CK_KERNEL_ELSEWHERE; }
void ck_bfmmla_strips(const struct ck_strips *strips) {
  (void)strips;
  __builtin_trap();
}
#endif
