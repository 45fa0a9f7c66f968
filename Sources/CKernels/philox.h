/* Philox 4x32-10 as an inlined function, for the kernels that draw in their loops. */
#ifndef PRECISE_PHILOX_H
#define PRECISE_PHILOX_H

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

#endif
