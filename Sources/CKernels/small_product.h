/* C[rows, columns] (+)= A B for the small products of attention, all in cache.
 *
 * B and C are row-major with `columns` a multiple of 16; A is read through two strides, so that its transpose costs nothing.
 * A tile of 6 x 32 stays in registers. Inlined into each version of a kernel, so that it uses that version's registers. */
#ifndef PRECISE_SMALL_PRODUCT_H
#define PRECISE_SMALL_PRODUCT_H

#include "vector.h"

/* One tile: `rows` <= 6 and `wide` (1 or 2 vectors) are constants at every call, so the loops unroll into registers. */
INLINE void small_tile(int rows, int wide, long depth, const float *a, long a_row, long a_column, const float *b, long ldb, float *c,
                       long ldc, int add) {
  v16 sum[6][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int w = 0; w < wide; w++) {
      if (add)
        sum[r][w] = *(const v16 *)(c + r * ldc + 16 * w);
      else
        sum[r][w] = (v16){0};
    }
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

INLINE void small_strip(int wide, long rows, long depth, const float *a, long a_row, long a_column, const float *b, long ldb, float *c,
                        long ldc, int add) {
  long r = 0;
  for (; r + 6 <= rows; r += 6) small_tile(6, wide, depth, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, add);
  a += r * a_row, c += r * ldc;
  switch (rows - r) {
    case 1: small_tile(1, wide, depth, a, a_row, a_column, b, ldb, c, ldc, add); break;
    case 2: small_tile(2, wide, depth, a, a_row, a_column, b, ldb, c, ldc, add); break;
    case 3: small_tile(3, wide, depth, a, a_row, a_column, b, ldb, c, ldc, add); break;
    case 4: small_tile(4, wide, depth, a, a_row, a_column, b, ldb, c, ldc, add); break;
    case 5: small_tile(5, wide, depth, a, a_row, a_column, b, ldb, c, ldc, add); break;
    default: break;
  }
}

INLINE void small_product(long rows, long columns, long depth, const float *a, long a_row, long a_column, const float *b, long ldb,
                          float *c, long ldc, int add) {
#pragma clang fp contract(fast)
  long j = 0;
  for (; j + 32 <= columns; j += 32) small_strip(2, rows, depth, a, a_row, a_column, b + j, ldb, c + j, ldc, add);
  for (; j < columns; j += 16) small_strip(1, rows, depth, a, a_row, a_column, b + j, ldb, c + j, ldc, add);
}

#endif
