/* CRC-32 by the processor's own instructions. */
#include "CHost.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

/* Carry-less products fold 512 bits into the 512 behind them, then 128 into 128, and Barrett's reduction takes the last 128 to 32:
   Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009), bits reflected. With
   P = 0x104C11DB7 and r(n) = x^n mod P, mirrored in 32 bits and moved up by one: */
static const uint64_t by_512[2] = {0x154442bd4, 0x1c6e41596}; /* r(512 + 32), r(512 - 32) */
static const uint64_t by_128[2] = {0x1751997d0, 0x0ccaa009e}; /* r(128 + 32), r(128 - 32) */
static const uint64_t by_64[2] = {0x163cd6124, 0};            /* r(64) */
static const uint64_t barrett[2] = {0x1db710641, 0x1f7011641}; /* P and x^64 / P, both mirrored in 33 bits */

#define FOLDING __attribute__((target("pclmul,sse4.1")))

FOLDING static inline __m128i load(const void *bytes) { return _mm_loadu_si128((const __m128i *)bytes); }

FOLDING static inline __m128i fold(__m128i sum, __m128i factors, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(sum, factors, 0x00), high = _mm_clmulepi64_si128(sum, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

FOLDING static uint32_t reduce(__m128i sum) {
  const __m128i low = _mm_setr_epi32(~0, 0, ~0, 0), last = load(barrett);
  sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, load(by_128), 0x10));
  sum = _mm_xor_si128(_mm_srli_si128(sum, 4), _mm_clmulepi64_si128(_mm_and_si128(sum, low), load(by_64), 0x00));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(sum, low), last, 0x10);
  __m128i multiple = _mm_clmulepi64_si128(_mm_and_si128(quotient, low), last, 0x00);
  return (uint32_t)_mm_extract_epi32(_mm_xor_si128(sum, multiple), 1);
}

FOLDING size_t chost_crc32(uint32_t *checksum, const void *bytes, size_t count) {
  const uint8_t *next = bytes, *end = next + count / 16 * 16;
  /* Four sums at once, because a product takes longer than the next may wait. */
  if (count < 64 || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1")) return 0;
  __m128i sums[4];
  for (int i = 0; i < 4; i++) sums[i] = load(next + 16 * i);
  sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)~*checksum));
  __m128i factors = load(by_512);
  for (next += 64; end - next >= 64; next += 64) {
    for (int i = 0; i < 4; i++) sums[i] = fold(sums[i], factors, load(next + 16 * i));
  }
  factors = load(by_128);
  __m128i sum = sums[0];
  for (int i = 1; i < 4; i++) sum = fold(sum, factors, sums[i]);
  for (; next < end; next += 16) sum = fold(sum, factors, load(next));
  *checksum = ~reduce(sum);
  return (size_t)(end - (const uint8_t *)bytes);
}

#elif defined(__aarch64__) && defined(__linux__)

#include <sys/auxv.h>

/* AT_HWCAP's bit for these instructions, HWCAP_CRC32 in the kernel's headers. */
enum { has_crc32 = 1 << 7 };

__attribute__((target("crc"))) size_t chost_crc32(uint32_t *checksum, const void *bytes, size_t count) {
  if (!(getauxval(AT_HWCAP) & has_crc32)) return 0;
  size_t taken = count / 8 * 8;
  uint32_t sum = ~*checksum;
  for (size_t i = 0; i < taken; i += 8) {
    uint64_t word;
    memcpy(&word, (const char *)bytes + i, 8);
    sum = __builtin_arm_crc32d(sum, word);
  }
  *checksum = ~sum;
  return taken;
}

#else

size_t chost_crc32(uint32_t *checksum, const void *bytes, size_t count) {
  (void)checksum, (void)bytes, (void)count;
  return 0;
}

#endif
