/* What the machine has, and how the calling thread computes. */
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

const char *ck_instruction_set(void) {
  const char *with_bf16[CK_BF16_KERNELS] = {0, "neon_bf16", "avx512_bf16", "amx_bf16"};
  if (ck_bf16_products()) return with_bf16[ck_bf16_kernel()];
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return "avx512";
  if (__builtin_cpu_supports("avx2")) return "avx2";
  return "sse2";
#elif defined(__aarch64__)
  return "neon";
#else
  return "baseline";
#endif
}

void ck_flush_denormals(void) {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero, denormals are zero */
#elif defined(__aarch64__)
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  __asm__ volatile("msr fpcr, %0" : : "r"(control | 1u << 24)); /* flush to zero, inputs too */
#endif
}
