/* Two bfloat16 that follow each other along a product's sum, in one word of 32 bits. */
#ifndef PRECISE_PAIRS_H
#define PRECISE_PAIRS_H

#include "bfloat16.h"

INLINE uint32_t pair(uint16_t first, uint16_t second) { return (uint32_t)first | (uint32_t)second << 16; }

/* Thirty-two numbers of a row. */
typedef uint16_t halves __attribute__((vector_size(64), aligned(2), may_alias));

/* to[i,c] = rows 2i and 2i+1 of `from` in one word, for pairs up to `rows`; zeros beyond the `count` rows and `width` columns that
 * there are, up to ld_to. */
INLINE void zip(long count, long rows, long width, const uint16_t *from, long ld, uint32_t *to, long ld_to) {
  for (long i = 0; i < rows; i += 2, to += ld_to) {
    const uint16_t *x = from + i * ld;
    long c = 0;
    if (i + 1 < count) {
      for (; c + 32 <= width; c += 32) {
        halves above = *(const halves *)(x + c), below = *(const halves *)(x + ld + c);
        *(halves *)(to + c) = __builtin_shufflevector(above, below, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9,
                                                      41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47);
        *(halves *)(to + c + 16) = __builtin_shufflevector(above, below, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23,
                                                           55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63);
      }
      ROW_LOOP
      for (long rest = c; rest < width; rest++) to[rest] = pair(x[rest], x[ld + rest]);
      c = width;
    }
    if (i + 1 == count)
      ROW_LOOP
      for (c = 0; c < width; c++) to[c] = x[c];
    memset(to + c, 0, sizeof(uint32_t) * (size_t)(ld_to - c));
  }
}

#endif
