/* Which kernel multiplies bfloat16: the best that the processor has, that the operating system gives, and that computes what plain
 * loops do. It is decided once, when first asked; every thread would decide alike, so none waits for another. */
#include <stdatomic.h>

#include "CKernels.h"
#include "strip.h"

static const struct {
  ck_pair_kernel strips;
  int (*state)(void);
} kernels[CK_BF16_KERNELS] = {
    [CK_BF16_BFMMLA] = {ck_bfmmla_strips, ck_bfmmla_state},
    [CK_BF16_AVX512] = {ck_avx512_strips, ck_avx512_state},
    [CK_BF16_AMX] = {ck_amx_strips, ck_amx_state},
};

/* One more than the state of each; 0 is not known yet. */
static atomic_int known[CK_BF16_KERNELS];
/* One more than the kernel in use; 0 is not chosen yet. */
static atomic_int chosen;

int ck_bf16_kernel_state(int kernel) {
  int state = atomic_load(&known[kernel]) - 1;
  if (state >= 0) return state;
  state = kernels[kernel].state();
  if (state == CK_KERNEL_USABLE && !ck_agrees(kernels[kernel].strips)) state = CK_KERNEL_WRONG;
  atomic_store(&known[kernel], state + 1);
  return state;
}

static __attribute__((noinline, cold)) int choose(void) {
  int best = CK_BF16_KERNELS - 1, unknown = 0;
  while (best > CK_BF16_NONE && ck_bf16_kernel_state(best) != CK_KERNEL_USABLE) best--;
  atomic_compare_exchange_strong(&chosen, &unknown, best + 1);
  return atomic_load(&chosen) - 1;
}

int ck_bf16_kernel(void) {
  int kernel = atomic_load_explicit(&chosen, memory_order_relaxed) - 1;
  return kernel >= 0 ? kernel : choose();
}

int ck_bf16_products(void) { return ck_bf16_kernel() != CK_BF16_NONE; }

void ck_use_bf16_kernel(int kernel) {
  if (ck_bf16_kernel_state(kernel) != CK_KERNEL_USABLE) __builtin_trap();
  atomic_store(&chosen, kernel + 1);
}

void ck_pair_strips(const struct ck_strips *strips) { kernels[ck_bf16_kernel()].strips(strips); }
