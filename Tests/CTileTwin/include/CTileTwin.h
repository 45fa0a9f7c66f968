/* The product of Sources/CKernels/tile_product.h on tiles in software, for machines that have no such tiles. */
#ifndef PRECISE_CTILETWIN_H
#define PRECISE_CTILETWIN_H

#include <stdint.h>

/* What can be broken in the tiles. */
enum ctwin_fault {
  CTWIN_SOUND,
  CTWIN_LOSES_SECOND, /* the second number of the last pair of each dot */
  CTWIN_LOSES_ROW,    /* the last row of a whole tile */
  CTWIN_KEEPS_SUMS,   /* zeroing does nothing */
  CTWIN_ROUNDS_EARLY, /* sums become bfloat16 when they are stored */
  CTWIN_LAST_COLUMN,  /* the last column of a tile is a neighbor's */
};

/* C[rows, columns] (+)= A B, as struct ck_strips says; a and b are pairs. */
struct ctwin_product {
  long rows, columns, depth;
  const uint32_t *a;
  long a_row, a_column;
  const uint32_t *b;
  long b_row, b_strip;
  float *c;
  long ldc;
  int add;
};

/* By tiles in software. Returns how often the processor would have ended the program instead: tiles that were not configured, do not
 * fit each other, or were not released. */
long ctwin_multiply(const struct ctwin_product *product);
/* By the kernel in use of this machine. */
void ctwin_multiply_here(const struct ctwin_product *product);
/* Whether the self-test of kernels lets such tiles pass. */
int ctwin_passes(int fault);

#endif
