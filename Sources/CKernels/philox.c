/* Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11). */
#include "CKernels.h"
#include "philox.h"

void ck_philox(const uint32_t counter[4], uint32_t key0, uint32_t key1, uint32_t out[4]) {
  struct philox_block b = philox(counter[0], counter[1], counter[2], counter[3], key0, key1);
  out[0] = b.a, out[1] = b.b, out[2] = b.c, out[3] = b.d;
}

/* (0, 1]: never zero, so that its logarithm is finite. */
INLINE float open_uniform(uint32_t bits) { return ((float)(bits >> 8) + 1.0f) * (1.0f / 16777216.0f); }

/* The row's low and high words and the column block are one counter; `purpose` and `step` join the key, so that no two
 * streams share a counter. */
INLINE struct philox_block row_block(struct ck_stream s, uint64_t row, uint32_t column) {
  return philox(column, (uint32_t)row, (uint32_t)(row >> 32) ^ (s.purpose << 16), s.step, s.key0, s.key1);
}

void ck_fill_normal(struct ck_stream stream, uint64_t row, long count, float deviation, float *out) {
  for (long i = 0; i < count; i += 4) {
    struct philox_block b = row_block(stream, row, (uint32_t)(i / 4));
    float r0 = sqrtf(-2.0f * logf(open_uniform(b.a))) * deviation, t0 = 6.28318530717958648f * open_uniform(b.b);
    float r1 = sqrtf(-2.0f * logf(open_uniform(b.c))) * deviation, t1 = 6.28318530717958648f * open_uniform(b.d);
    float four[4] = {r0 * cosf(t0), r0 * sinf(t0), r1 * cosf(t1), r1 * sinf(t1)};
    long n = count - i < 4 ? count - i : 4;
    for (long j = 0; j < n; j++) out[i + j] = four[j];
  }
}

void ck_fill_uniform(struct ck_stream stream, uint64_t row, long count, float bound, float *out) {
  for (long i = 0; i < count; i += 4) {
    struct philox_block b = row_block(stream, row, (uint32_t)(i / 4));
    uint32_t four[4] = {b.a, b.b, b.c, b.d};
    long n = count - i < 4 ? count - i : 4;
    for (long j = 0; j < n; j++) out[i + j] = ((float)(four[j] >> 8) * (2.0f / 16777216.0f) - 1.0f) * bound;
  }
}
