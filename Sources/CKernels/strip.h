/* A strip of a product: C[rows, columns] (+)= A B for 16 or 32 columns, with everything in the caches. What larger products and
 * attention are made of. */
#ifndef PRECISE_STRIP_H
#define PRECISE_STRIP_H

#include <stdint.h>

/* Rows of a whole tile of sums; other numbers of rows work, with smaller tiles at the end. */
enum { TALL = 12 };

/* B and C are row-major; A is read through two strides, so that its transpose costs nothing. Every sum is one chain over the
 * depth, from the first term to the last: an element does not know its neighbors. */
void ck_float_strip(long columns, long rows, long depth, const float *a, long a_row, long a_column, const float *b, long ldb,
                    float *c, long ldc, int add);
/* Two bfloat16 that follow each other along a product's sum, read in one word: most were written as uint16_t, one by one. */
typedef uint32_t pair_word __attribute__((may_alias));
/* The same of 32 columns, and of such words; only where ck_bf16_products() is 1. */
void ck_pair_strip(long rows, long depth, const pair_word *a, long a_row, long a_column, const pair_word *b, long ldb, float *c,
                   long ldc, int add);

#endif
