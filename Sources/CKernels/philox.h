/* Philox 4x32-10 as an inlined function, for the kernels that draw in their loops. */
#ifndef PRECISE_PHILOX_H
#define PRECISE_PHILOX_H

#include "CKernels.h"
#include "vector.h"

struct philox_block {
  uint32_t a, b, c, d;
};

INLINE struct philox_block philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1, c3 = (uint32_t)p0, c0 = n0, c2 = n2;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return (struct philox_block){c0, c1, c2, c3};
}

/* Sixteen random bits for each of DRAW_TILE columns of a row, drawn in blocks of eight columns: column c of the tile that
 * starts at `start` (a multiple of DRAW_TILE) has half c / 16 of block start / 8 + c % 16. Laid out so that the sixteen blocks
 * of a tile are the lanes of a vector; the compiler makes gathers and scatters of a plain loop over them. */
enum { DRAW_TILE = 128 };
typedef uint32_t u32v __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint64_t u64v __attribute__((vector_size(64), aligned(4), may_alias));

/* A tile's sixteen blocks: vector v of its columns has the lower (v even) or upper halves of words[v / 2]. */
struct draws {
  u32v words[4];
};

INLINE u32v drawn(const struct draws *draws, int v) { return v & 1 ? draws->words[v / 2] >> 16 : draws->words[v / 2] & 0xffff; }

/* Rows that are best drawn together: as many as the registers hold. */
enum { DRAW_ROWS = 4 };

/* The draws of `rows` rows by their keys; a constant, so that their chains of multiplications run side by side. */
INLINE void draw_rows(int rows, struct ck_stream s, const uint64_t *keys, long start, struct draws *out) {
  const u64v low = (u64v){} + 0xffffffffu;
  uint32_t k0 = s.key0, k1 = s.key1;
  u32v zero = {}, block = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  u32v words[DRAW_ROWS][4]; /* and not `out`, which may be in memory */
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    uint64_t key = keys[r];
    words[r][0] = block + (uint32_t)(start / 8), words[r][1] = zero + (uint32_t)key;
    words[r][2] = zero + ((uint32_t)(key >> 32) ^ (s.purpose << 16)), words[r][3] = zero + s.step;
  }
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      u32v *c = words[r];
      /* 32 x 32 -> 64 bits of the even and of the odd lanes; their upper halves are put together. */
      u64v even0 = ((u64v)c[0] & low) * 0xD2511F53u, odd0 = ((u64v)c[0] >> 32) * 0xD2511F53u;
      u64v even2 = ((u64v)c[2] & low) * 0xCD9E8D57u, odd2 = ((u64v)c[2] >> 32) * 0xCD9E8D57u;
      u32v high0 = (u32v)((even0 >> 32) | (odd0 & ~low)), high2 = (u32v)((even2 >> 32) | (odd2 & ~low));
      u32v low0 = c[0] * 0xD2511F53u, low2 = c[2] * 0xCD9E8D57u;
      c[0] = high2 ^ c[1] ^ k0, c[2] = high0 ^ c[3] ^ k1;
      c[1] = low2, c[3] = low0;
    }
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) memcpy(out[r].words, words[r], sizeof words[r]);
}

#endif
