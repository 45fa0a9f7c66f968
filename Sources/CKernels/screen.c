/* Scores in bfloat16 that decide as float32 does: how far a score can be from its float32 twin is bounded, and what the bound does not
 * decide is said, to be scored again.
 *
 * With x' for x rounded and r = x - x', the exact products differ by |a.b - a'.b'| = |r_a.b + a'.r_b| <= |r_a| |b| + |a'| |r_b|
 * (Cauchy-Schwarz), with the lengths that the remainders have: rounding moves a vector by a third of what it may at most. Either
 * sum adds its own rounding: k terms in one chain, each step wrong by 2^-24 of what it holds, 2^-23 without a fused operation; what
 * is below the smallest normal number may become zero. All of it is taken twice or more. */
#include "CKernels.h"
#include "activation.h"
#include "strip.h"
#include "transpose.h"

/* Sums in double precision: no square of a float32 is lost in it, small or large. */
KERNEL void ck_rounded_norms(long rows, long k, const float *x, long ldx, float *norms, float *remainders) {
  FAST_SUMS
  for (long r = 0; r < rows; r++, x += ldx) {
    double whole = 0, rest = 0;
    for (long i = 0; i < k; i++) {
      double value = x[i], remainder = value - (double)widen(narrow_to_nearest(x[i]));
      whole += value * value;
      rest += remainder * remainder;
    }
    norms[r] = (float)(sqrt(whole) * (1 + 1e-6));
    remainders[r] = (float)(sqrt(rest) * (1 + 1e-6));
  }
}

KERNEL void ck_row_scores(long count, long k, const float *a, const float *b, long ldb, const int32_t *rows, float *scores) {
  enum { DEPTH = 256 };
  float gathered[STRIP * 16] = {0}, strip[DEPTH * STRIP], sums[STRIP];
  for (long first = 0; first < count; first += STRIP) {
    long some = count - first < STRIP ? count - first : STRIP;
    for (long start = 0; start < k; start += DEPTH) {
      long deep = k - start < DEPTH ? k - start : DEPTH;
      for (long i = 0; i < deep; i += 16) {
        const float *from = b + start + i;
        for (long j = 0; j < some; j++)
          if (deep - i < 16)
            memcpy(gathered + 16 * j, from + rows[first + j] * ldb, sizeof(float) * (size_t)(deep - i));
          else
            *(v16 *)(gathered + 16 * j) = *(const v16 *)(from + rows[first + j] * ldb);
        transpose(STRIP, 16, gathered, 16, strip + i * STRIP, STRIP);
      }
      ck_float_strip(STRIP, 1, deep, a + start, 0, 1, strip, STRIP, sums, STRIP, start > 0);
    }
    memcpy(scores + first, sums, sizeof(float) * (size_t)some);
  }
}

/* The bound is of AVX-512's products: one chain of pairs. */
int ck_screens(void) { return ck_bf16_kernel_state(CK_BF16_AVX512) == CK_KERNEL_USABLE; }

#if defined(__x86_64__)
#include <immintrin.h>

/* What a row's scores are compared with beside a strip: sixteen rows at a time, one a lane. */
struct limits {
  float below[16], ahead[16], wanted[16]; /* surely below its bound; surely not; not surely unwanted: above it */
};

/* The largest of up to 32 lengths. */
BF16_TARGET INLINE float longest(long count, const float *lengths) {
  float top = 0;
  for (long j = 0; j < count; j++) top = lengths[j] > top || lengths[j] != lengths[j] ? lengths[j] : top;
  return top;
}

BF16_TARGET INLINE struct limits limits_of(const struct ck_screened *s, long row, long rows, float norm, float rest) {
  const __mmask16 lanes = (__mmask16)((1u << rows) - 1);
#define ROWS(field) (v16)_mm512_maskz_loadu_ps(lanes, s->field + row)
  const float each = 2.02f * 0x1p-23f * (float)(s->k + 4), lost = 0x1p-120f * (float)s->k, b = norm + rest;
  v16 a_rest = ROWS(a_remainders), a = ROWS(a_norms) + a_rest, bound = ROWS(bounds);
  v16 wanted = s->wanted ? ROWS(wanted) : (v16){0} + INFINITY;
#undef ROWS
  v16 margin = 1.00001f * (a_rest * norm + a * rest + each * (a * b)) + lost * (1 + b + a);
  /* A sum could overflow, or is none: nothing is sure. */
  __mmask16 usual = _mm512_cmp_ps_mask((__m512)(a * b), _mm512_set1_ps(0x1p100f), _CMP_LT_OQ);
  margin = (v16)_mm512_mask_blend_ps(usual, _mm512_set1_ps(NAN), (__m512)margin);
  v16 around = margin + 0x1p-22f * (v16)_mm512_abs_ps((__m512)bound);
  v16 below = bound - around, ahead = bound + around;
  wanted -= margin + 0x1p-22f * (v16)_mm512_abs_ps((__m512)wanted);
  struct limits l;
  memcpy(l.below, &below, sizeof below), memcpy(l.ahead, &ahead, sizeof ahead), memcpy(l.wanted, &wanted, sizeof wanted);
  return l;
}

/* Puts the columns of a mask, counted from `first`, behind a row's list; up to 16 words behind them are written, too. */
BF16_TARGET INLINE int32_t append(int32_t *list, int32_t count, uint32_t mask, int32_t first) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (int half = 0; half < 2; half++, mask >>= 16) {
    __m512i columns = _mm512_add_epi32(lanes, _mm512_set1_epi32(first + 16 * half));
    _mm512_storeu_si512(list + count, _mm512_maskz_compress_epi32((__mmask16)mask, columns));
    count += __builtin_popcount(mask & 0xffff);
  }
  return count;
}

BF16_TARGET long ck_screen(const struct ck_screened *screen, int64_t *counts, int32_t *open, int32_t *open_counts) {
  const struct ck_screened s = *screen;
  const long depth = (s.k + 1) / 2;
  const pair_word *factor = s.packed;
  float scores[TALL * STRIP];
  long opened = 0;
  for (long first = 0; first < s.n; first += STRIP, factor += depth * STRIP) {
    long count = s.n - first < STRIP ? s.n - first : STRIP;
    uint32_t there = count < STRIP ? (1u << count) - 1 : ~0u;
    float norm = longest(count, s.b_norms + first), rest = longest(count, s.b_remainders + first);
    for (long row = 0; row < s.m; row += TALL) {
      long rows = s.m - row < TALL ? s.m - row : TALL;
      const struct ck_strips strips = {
          .rows = rows, .columns = STRIP, .depth = depth, .a = (const pair_word *)s.a + row * depth, .a_row = depth, .a_column = 1,
          .b = factor, .b_row = STRIP, .b_strip = 0, .c = scores, .ldc = STRIP, .add = 0};
      ck_avx512_strips(&strips);
      struct limits limits = limits_of(&s, row, rows, norm, rest);
      for (long r = 0; r < rows; r++) {
        __m512 low = _mm512_loadu_ps(scores + r * STRIP), high = _mm512_loadu_ps(scores + r * STRIP + 16);
#define MASK(limit, how)                                                                \
  ((uint32_t)_mm512_cmp_ps_mask(low, _mm512_set1_ps(limits.limit[r]), how) |           \
   (uint32_t)_mm512_cmp_ps_mask(high, _mm512_set1_ps(limits.limit[r]), how) << 16)
        uint32_t below = MASK(below, _CMP_LT_OQ), wanted = MASK(wanted, _CMP_GT_OQ);
        uint32_t ahead = MASK(ahead, _CMP_GE_OQ) & ~wanted;
#undef MASK
        uint32_t undecided = ~(ahead | (below & ~wanted)) & there;
        counts[row + r] += __builtin_popcount(ahead & there);
        if (!undecided) continue;
        int32_t *list = open + (row + r) * s.open_stride, *length = open_counts + row + r;
        *length = append(list, *length, undecided, (int32_t)(s.first + first));
        opened += __builtin_popcount(undecided);
      }
    }
  }
  return opened;
}
#else
long ck_screen(const struct ck_screened *screen, int64_t *counts, int32_t *open, int32_t *open_counts) {
  (void)screen, (void)counts, (void)open, (void)open_counts;
  __builtin_trap();
}
#endif
