/* Products whose elements do not know their neighbours.
 *
 * A library's product may form an element in another order of additions when the matrix has more rows, or when the element
 * stands in another row: oneDNN does, for one row and, with AVX2, in the last rows of a block. Here every element is the sum
 * of its products from the first to the last, in one chain, so it is a function of its row of A and its column of B alone.
 * Evaluation and fusion need that: scores and embeddings must be equal to the last bit on any number of ranks.
 *
 * B is packed into strips of 32 columns, [k, 32] each, the last one filled up with zeros. */
#include "CKernels.h"
#include "small_product.h"

enum { STRIP = 32, HALF = 16, TILE = 6 };

/* A tile of 6 x 32 sums needs the 32 registers of AVX-512; with 16 of them, half a strip at a time is twice as fast. */
static int takes_whole_strips(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0;
#else
  return 0;
#endif
}

/* C[m,count] = A times one strip; C has room for a whole strip unless `count` is at most HALF. */
INLINE void strip_product(int whole, long count, long m, long k, const float *a, long lda, const float *strip, float *c,
                          long ldc) {
  if (whole && count > HALF) {
    small_strip(2, m, k, a, lda, 1, strip, STRIP, c, ldc, 0);
    return;
  }
  small_strip(1, m, k, a, lda, 1, strip, STRIP, c, ldc, 0);
  if (count > HALF) small_strip(1, m, k, a, lda, 1, strip + HALF, STRIP, c + HALF, ldc, 0);
}

long ck_packed_size(long k, long n) { return (n + STRIP - 1) / STRIP * STRIP * k; }

KERNEL void ck_pack(int transpose, long k, long n, const float *b, long ldb, float *packed) {
  for (long first = 0; first < n; first += STRIP, packed += k * STRIP) {
    long count = n - first < STRIP ? n - first : STRIP;
    if (count < STRIP) memset(packed, 0, sizeof(float) * (size_t)(k * STRIP));
    if (transpose) {
      for (long i = 0; i < k; i++)
        for (long j = 0; j < count; j++) packed[i * STRIP + j] = b[(first + j) * ldb + i];
    } else {
      for (long i = 0; i < k; i++) memcpy(packed + i * STRIP, b + i * ldb + first, sizeof(float) * (size_t)count);
    }
  }
}

KERNEL void ck_packed_product(long m, long n, long k, const float *a, long lda, const float *packed, float *c, long ldc) {
  float tile[TILE * STRIP];
  int whole = takes_whole_strips();
  for (long first = 0; first < n; first += STRIP, packed += k * STRIP) {
    long count = n - first < STRIP ? n - first : STRIP;
    if (count == STRIP) {
      strip_product(whole, count, m, k, a, lda, packed, c + first, ldc);
      continue;
    }
    for (long row = 0; row < m; row += TILE) {
      long rows = m - row < TILE ? m - row : TILE;
      strip_product(whole, count, rows, k, a + row * lda, lda, packed, tile, STRIP);
      for (long r = 0; r < rows; r++) memcpy(c + (row + r) * ldc + first, tile + r * STRIP, sizeof(float) * (size_t)count);
    }
  }
}

KERNEL void ck_packed_count(long m, long n, long k, const float *a, long lda, const float *packed, const float *bounds,
                            int64_t *counts) {
  float tile[TILE * STRIP];
  int whole = takes_whole_strips();
  for (long first = 0; first < n; first += STRIP, packed += k * STRIP) {
    long count = n - first < STRIP ? n - first : STRIP;
    for (long row = 0; row < m; row += TILE) {
      long rows = m - row < TILE ? m - row : TILE;
      strip_product(whole, count, rows, k, a + row * lda, lda, packed, tile, STRIP);
      for (long r = 0; r < rows; r++) {
        int32_t ahead = 0;
        float bound = bounds[row + r];
        for (long j = 0; j < count; j++) ahead += !(tile[r * STRIP + j] < bound);
        counts[row + r] += ahead;
      }
    }
  }
}
