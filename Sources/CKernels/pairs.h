/* Two bfloat16 that follow each other along a product's sum, in one word of 32 bits. */
#ifndef PRECISE_PAIRS_H
#define PRECISE_PAIRS_H

#include "bfloat16.h"

INLINE uint32_t pair(uint16_t first, uint16_t second) { return (uint32_t)first | (uint32_t)second << 16; }

/* to[i,c] = rows 2i and 2i+1 of `from` in one word, for pairs up to `rows`; zeros beyond the `count` rows and `width` columns that
 * there are, up to ld_to. */
INLINE void zip(long count, long rows, long width, const uint16_t *from, long ld, uint32_t *to, long ld_to) {
  for (long i = 0; i < rows; i += 2, to += ld_to) {
    const uint16_t *x = from + i * ld;
    long c = 0;
    if (i + 1 < count)
      ROW_LOOP
      for (c = 0; c < width; c++) to[c] = pair(x[c], x[ld + c]);
    else if (i < count)
      ROW_LOOP
      for (c = 0; c < width; c++) to[c] = x[c];
    memset(to + c, 0, sizeof(uint32_t) * (size_t)(ld_to - c));
  }
}

#endif
