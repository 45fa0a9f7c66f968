/* Counts what a program allocates, by who asks: preload it, and name a file.
 *
 *   cc -O2 -shared -fPIC -o allocations.so allocations.c
 *   ALLOCATIONS=FILE LD_PRELOAD=./allocations.so COMMAND...
 *
 * At exit the file gets a line for each distinct stack of callers: bytes, calls, then "library+0xoffset" of each return address,
 * innermost first. Bytes are those asked for; what is freed again is not taken off: the question is who goes to the allocator at all.
 * glibc only. `allocations.sh` subtracts two runs of different length, so that what is left is what a step allocates. */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

enum { DEPTH = 40, SKIPPED = 2, SITES = 1 << 16 };

typedef struct {
  void *frames[DEPTH];
  int depth;
  uint64_t bytes, calls;
} Site;

static Site sites[SITES];
static Site unplaced; /* what found no free site */
static atomic_flag lock = ATOMIC_FLAG_INIT;
static const char *path;
static char program[4096];
/* Unwinding may allocate; that is not the program's doing. */
static __thread int inside __attribute__((tls_model("initial-exec")));

/* The site of a stack, or a free one (linear probing). */
static Site *find(void **frames, int depth) {
  uint64_t hash = 14695981039346656037u;
  for (int i = 0; i < depth; i++) hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
  for (int tries = 0; tries < 4096; tries++) {
    Site *site = &sites[((hash ^ hash >> 32) + tries) & (SITES - 1)];
    if (site->calls == 0) {
      memcpy(site->frames, frames, depth * sizeof *frames);
      site->depth = depth;
      return site;
    }
    if (site->depth == depth && memcmp(site->frames, frames, depth * sizeof *frames) == 0) return site;
  }
  return &unplaced;
}

/* Adds an allocation to the site of its callers: those of the function that was asked, two frames up from here. */
static __attribute__((noinline)) void note(size_t bytes) {
  if (!path || inside) return;
  inside = 1;
  void *frames[DEPTH];
  int depth = backtrace(frames, DEPTH) - SKIPPED;
  while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)) {}
  Site *site = depth > 0 ? find(frames + SKIPPED, depth) : &unplaced;
  site->bytes += bytes;
  site->calls += 1;
  atomic_flag_clear_explicit(&lock, memory_order_release);
  inside = 0;
}

void *malloc(size_t bytes) {
  note(bytes);
  return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t each) {
  note(count * each);
  return __libc_calloc(count, each);
}

void *realloc(void *old, size_t bytes) {
  note(bytes);
  return __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
  note(bytes);
  return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  note(bytes);
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
  note(bytes);
  void *found = __libc_memalign(alignment, bytes);
  if (found) *result = found;
  return found ? 0 : ENOMEM;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  if (flags & MAP_ANONYMOUS) note(bytes);
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}

static __attribute__((constructor)) void begin(void) {
  void *frames[4];
  backtrace(frames, 4); /* loads the unwinder, which allocates */
  if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) return;
  path = getenv("ALLOCATIONS");
}

typedef struct {
  uintptr_t address;
  const char *name;
  uintptr_t offset;
} Place;

static int locate(struct dl_phdr_info *library, size_t size, void *result) {
  Place *place = result;
  (void)size;
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
    uintptr_t start = library->dlpi_addr + segment->p_vaddr;
    if (segment->p_type != PT_LOAD || place->address < start || place->address >= start + segment->p_memsz) continue;
    place->name = library->dlpi_name[0] ? library->dlpi_name : program;
    place->offset = place->address - library->dlpi_addr;
    return 1;
  }
  return 0;
}

static void write_site(FILE *file, const Site *site) {
  fprintf(file, "%llu %llu", (unsigned long long)site->bytes, (unsigned long long)site->calls);
  for (int i = 0; i < site->depth; i++) {
    Place place = {(uintptr_t)site->frames[i] - 1, "?", 0}; /* the call, not what comes after it */
    dl_iterate_phdr(locate, &place);
    fprintf(file, " %s+0x%lx", place.name, (unsigned long)place.offset);
  }
  fputc('\n', file);
}

static __attribute__((destructor)) void end(void) {
  if (!path) return;
  inside = 1;
  FILE *file = fopen(path, "w");
  if (!file) return;
  for (int i = 0; i < SITES; i++)
    if (sites[i].calls) write_site(file, &sites[i]);
  if (unplaced.calls) write_site(file, &unplaced);
  fclose(file);
}
