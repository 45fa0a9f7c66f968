/* Products in strips of 16 or 32 columns with everything in the caches: what larger products and attention are made of. */
#ifndef PRECISE_STRIP_H
#define PRECISE_STRIP_H

#include <stdint.h>

enum {
  TALL = 12,  /* rows of a whole tile of float32 sums; other numbers of rows work, with smaller tiles at the end */
  STRIP = 32, /* columns of a whole strip */
};

/* C[rows, columns] (+)= A B for 16 or 32 columns. B and C are row-major; A is read through two strides, so that its transpose costs
 * nothing. Every sum is one chain over the depth, from the first term to the last: an element does not know its neighbors. */
void ck_float_strip(long columns, long rows, long depth, const float *a, long a_row, long a_column, const float *b, long ldb,
                    float *c, long ldc, int add);

/* Two bfloat16 that follow each other along a product's sum, read in one word: most were written as uint16_t, one by one. */
typedef uint32_t pair_word __attribute__((may_alias));

/* C[rows, columns] (+)= A B, where A and B are such words and depth > 0 counts words; columns are whole strips. */
struct ck_strips {
  long rows, columns, depth;
  const pair_word *a; /* element (i, k) at i * a_row + k * a_column */
  long a_row, a_column;
  const pair_word *b; /* row k of strip s at s * b_strip + k * b_row */
  long b_row, b_strip;
  float *c;
  long ldc;
  int add;
};

/* By the kernel in use; only where ck_bf16_products() is 1. Each kernel cuts an element's sum at places that the depth alone says, and
 * so an element does not know its neighbors here either. bf16_kernel.c says which kernels there are. */
void ck_pair_strips(const struct ck_strips *strips);

typedef void (*ck_pair_kernel)(const struct ck_strips *strips);
/* 1 when the kernel computes what plain loops do on fixed factors: whole numbers exactly, others within the rounding of each step. */
int ck_agrees(ck_pair_kernel kernel);

/* The kernels, and whether this processor and its operating system let them run (enum ck_kernel_state, never CK_KERNEL_WRONG). */
void ck_avx512_strips(const struct ck_strips *strips);
void ck_amx_strips(const struct ck_strips *strips);
void ck_bfmmla_strips(const struct ck_strips *strips);
int ck_avx512_state(void);
int ck_amx_state(void);
int ck_bfmmla_state(void);

#endif
