/* Transposing words of 32 bits, whatever they hold. */
#ifndef PRECISE_TRANSPOSE_H
#define PRECISE_TRANSPOSE_H

#include "vector.h"

/* to[c,i] = from[i,c]; rows and columns are multiples of 16. Blocks of 16 x 16 change places in registers, by halves, quarters,
 * eighths and single columns (Eklundh 1972). */
INLINE void transpose(long rows, long columns, const float *from, long ld, float *to, long ld_to) {
  for (long i = 0; i < rows; i += 16)
    for (long c = 0; c < columns; c += 16) {
      v16 line[16];
      for (int r = 0; r < 16; r++) line[r] = *(const v16 *)(from + (i + r) * ld + c);
#define SWAP(distance, FIRST, SECOND)                                  \
  for (int r = 0; r < 16; r++)                                         \
    if (!(r & (distance))) {                                           \
      v16 x = line[r], y = line[r + (distance)];                       \
      line[r] = __builtin_shufflevector(x, y, FIRST);                  \
      line[r + (distance)] = __builtin_shufflevector(x, y, SECOND);    \
    }
#define LIST(...) __VA_ARGS__
#pragma clang loop unroll(full)
      SWAP(8, LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
           LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#pragma clang loop unroll(full)
      SWAP(4, LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
           LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
#pragma clang loop unroll(full)
      SWAP(2, LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
           LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#pragma clang loop unroll(full)
      SWAP(1, LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
           LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
#undef SWAP
#undef LIST
      for (int r = 0; r < 16; r++) *(v16 *)(to + (c + r) * ld_to + i) = line[r];
    }
}

#endif
