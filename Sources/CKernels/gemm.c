/* Matrix products by oneDNN. dnnl_sgemm has one signature in oneDNN 2.x and 3.x; what differs between the two is kept here. */
#define _GNU_SOURCE
#include "CKernels.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <stdio.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

int ck_gemm(int transpose_a, int transpose_b, long m, long n, long k, float alpha, const float *a, long lda, const float *b,
            long ldb, float beta, float *c, long ldc) {
  if (m == 0 || n == 0) return 0;
  return (int)dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

/* oneDNN is built on one OpenMP runtime or another; whichever is loaded answers to this name. The setting belongs to the
 * calling thread, so that ranks that are threads do not disturb each other. */
void ck_set_threads(int threads) {
  void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (set_threads) set_threads(threads);
}

void ck_gemm_library(char *text, long capacity) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, (size_t)capacity, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}

/* The bits of dnnl_cpu_isa_t keep their values between 2.x and 3.x, but not all names exist in both. */
const char *ck_instruction_set(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return "avx512_bf16";
  if (__builtin_cpu_supports("avx512f")) return "avx512";
  if (__builtin_cpu_supports("avx2")) return "avx2";
  return "sse2";
#elif defined(__aarch64__)
  return "neon";
#else
  return "baseline";
#endif
}

const char *ck_status_text(int status) {
  switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "not implemented on this machine";
    default: return "runtime error";
  }
}

void ck_flush_denormals(void) {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero, denormals are zero */
#endif
}
