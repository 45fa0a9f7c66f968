/* Products of pairs by AMX, in Intel's processors since Sapphire Rapids: the instructions of tiles.h, and whether this process may use
 * them. */
#define _DEFAULT_SOURCE /* for syscall */
#include "CKernels.h"
#include "strip.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tiles.h"
#include "tile_product.h"

TILE_TARGET void ck_amx_strips(const struct ck_strips *strips) { tile_product(strips); }

/* The state components that the operating system saves (XCR0). */
static uint64_t saved_components(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

/* Tiles and their bfloat16 product, and tiles of the size that tile_product.h counts on: eight of 16 rows of 64 bytes. */
static int has_tiles(void) {
  enum { TILES = 1 << 24, BF16 = 1 << 22 };
  uint32_t a, b, c, d;
  /* What a step computes between products rounds by AVX-512's instruction. */
  if (ck_avx512_state() != CK_KERNEL_USABLE || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if ((d & (TILES | BF16)) != (TILES | BF16) || !__get_cpuid_count(0x1d, 1, &a, &b, &c, &d)) return 0;
  return (b & 0xffff) == 64 && b >> 16 >= 8 && (c & 0xffff) >= 16;
}

/* A process must ask for the tiles' 8 KiB of state a thread before its first use of them (Linux 5.16 and later). */
int ck_amx_state(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA: older headers lack them */
  const uint64_t components = 3 << 17;
  if (!has_tiles()) return CK_KERNEL_NO_PROCESSOR;
  if ((saved_components() & components) != components) return CK_KERNEL_NOT_ALLOWED;
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 ? CK_KERNEL_USABLE : CK_KERNEL_NOT_ALLOWED;
}
#else
int ck_amx_state(void) { return CK_KERNEL_ELSEWHERE; }
void ck_amx_strips(const struct ck_strips *strips) {
  (void)strips;
  __builtin_trap();
}
#endif
