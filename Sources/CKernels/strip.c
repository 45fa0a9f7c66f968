/* Register tiles of products: float32 in the compiler's own vectors, bfloat16 with AVX-512's instruction for it. */
#include "strip.h"
#include "CKernels.h"
#include "activation.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* `rows` <= TALL and `wide` (1 or 2 vectors) are constants at every call, so the loops unroll into registers. */
INLINE void tile(int rows, int wide, long depth, const float *a, long a_row, long a_column, const float *b, long ldb, float *c,
                 long ldc, int add) {
  v16 sum[TALL][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int w = 0; w < wide; w++) sum[r][w] = add ? *(const v16 *)(c + r * ldc + 16 * w) : (v16){0};
  for (long k = 0; k < depth; k++) {
    v16 bk[2];
#pragma clang loop unroll(full)
    for (int w = 0; w < wide; w++) bk[w] = *(const v16 *)(b + k * ldb + 16 * w);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      float x = a[r * a_row + k * a_column];
#pragma clang loop unroll(full)
      for (int w = 0; w < wide; w++) sum[r][w] += x * bk[w];
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int w = 0; w < wide; w++) *(v16 *)(c + r * ldc + 16 * w) = sum[r][w];
}

/* Tiles of `tall` rows, then of 8, 4, 2 and 1. */
INLINE void tiles(int tall, int wide, long rows, long depth, const float *a, long a_row, long a_column, const float *b, long ldb,
                  float *c, long ldc, int add) {
  long r = 0;
  for (; r + tall <= rows; r += tall) tile(tall, wide, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add);
  if (tall > 8 && r + 8 <= rows) tile(8, wide, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add), r += 8;
  if (r + 4 <= rows) tile(4, wide, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add), r += 4;
  if (r + 2 <= rows) tile(2, wide, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add), r += 2;
  if (r < rows) tile(1, wide, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add);
}

/* Whether there are the 32 wide registers that 12 x 32 sums need; with 16 of them, 6 x 16 is twice as fast. */
static inline int has_wide_registers(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0;
#else
  return 0;
#endif
}

KERNEL void ck_float_strip(long columns, long rows, long depth, const float *a, long a_row, long a_column, const float *b, long ldb,
                           float *c, long ldc, int add) {
  int wide = has_wide_registers();
  if (wide && columns == 32)
    tiles(TALL, 2, rows, depth, a, a_row, a_column, b, ldb, c, ldc, add);
  else if (wide)
    tiles(TALL, 1, rows, depth, a, a_row, a_column, b, ldb, c, ldc, add);
  else
    for (long j = 0; j < columns; j += 16) tiles(6, 1, rows, depth, a, a_row, a_column, b + j, ldb, c + j, ldc, add);
}

#if defined(__x86_64__)

int ck_avx512_state(void) {
  return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16") ? CK_KERNEL_USABLE : CK_KERNEL_NO_PROCESSOR;
}

BF16_TARGET INLINE void pair_tile(int rows, long depth, const pair_word *a, long a_row, long a_column, const pair_word *b, long ldb,
                                  float *c, long ldc, int add) {
  __m512 sum[TALL][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int w = 0; w < 2; w++) sum[r][w] = add ? _mm512_loadu_ps(c + r * ldc + 16 * w) : _mm512_setzero_ps();
  for (long k = 0; k < depth; k++) {
    __m512bh low = (__m512bh)_mm512_loadu_si512(b + k * ldb), high = (__m512bh)_mm512_loadu_si512(b + k * ldb + 16);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      __m512bh x = (__m512bh)_mm512_set1_epi32((int)a[r * a_row + k * a_column]);
      sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, low);
      sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, high);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int w = 0; w < 2; w++) _mm512_storeu_ps(c + r * ldc + 16 * w, sum[r][w]);
}

BF16_TARGET INLINE void pair_strip(long rows, long depth, const pair_word *a, long a_row, long a_column, const pair_word *b, long ldb,
                                   float *c, long ldc, int add) {
  long r = 0;
  for (; r + TALL <= rows; r += TALL) pair_tile(TALL, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add);
  if (r + 8 <= rows) pair_tile(8, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add), r += 8;
  if (r + 4 <= rows) pair_tile(4, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add), r += 4;
  if (r + 2 <= rows) pair_tile(2, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add), r += 2;
  if (r < rows) pair_tile(1, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add);
}

BF16_TARGET void ck_avx512_strips(const struct ck_strips *strips) {
  const struct ck_strips s = *strips;
  const pair_word *b = s.b;
  for (long j = 0; j < s.columns; j += STRIP, b += s.b_strip)
    pair_strip(s.rows, s.depth, s.a, s.a_row, s.a_column, b, s.b_row, s.c + j, s.ldc, s.add);
}
#else
int ck_avx512_state(void) { return CK_KERNEL_ELSEWHERE; }
void ck_avx512_strips(const struct ck_strips *strips) {
  (void)strips;
  __builtin_trap();
}
#endif
