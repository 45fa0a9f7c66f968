/* The system's allocator, with one difference: where it has no memory, the process ends with one sentence instead of a null that nobody
   looks at. Arrays, strings and objects of Swift, Foundation, the C++ library and MPI take their memory here too, and each would die in its
   own way, with a trap, an exception, a fault at address 0 or a wait without an end. Threads likewise.

   The program's own definition stands before every library's. It is passed on to whoever comes next, so an allocator that is loaded before
   the C library (LD_PRELOAD) still does the work; free() is never ours. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <features.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
/* The sanitizers' own allocator has this place. */
#define IS_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(IS_SANITIZED)

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "refusal.h"

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

/* The functions that are passed on, and where the next definition of each stands behind this program's. */
enum { MALLOC, CALLOC, REALLOC, MEMALIGN, POSIX_MEMALIGN, PTHREAD_CREATE, FUNCTIONS };
static const char *const names[FUNCTIONS] = {"malloc", "calloc", "realloc", "memalign", "posix_memalign", "pthread_create"};
static _Atomic(void *) found[FUNCTIONS];
static atomic_int is_found;
static _Thread_local int is_looking __attribute__((tls_model("initial-exec")));

/* Looks for all of them at once, at the first use of any: by the system's loader, long before main, and here at the latest. Later there is
   no looking: dlerror() and others of the loader's own functions take memory in the middle of what dlsym() would change under them. */
__attribute__((constructor)) static void find_all(void) {
  if (is_looking || atomic_load_explicit(&is_found, memory_order_acquire)) return;
  is_looking = 1;
  for (int function = 0; function < FUNCTIONS; function++) {
    atomic_store_explicit(&found[function], dlsym(RTLD_NEXT, names[function]), memory_order_relaxed);
  }
  is_looking = 0;
  atomic_store_explicit(&is_found, 1, memory_order_release);
}

/* The next definition of a function; null while it is being looked for, which may itself take memory. */
static void *next(int function) {
  if (__builtin_expect(!atomic_load_explicit(&is_found, memory_order_acquire), 0)) find_all();
  return atomic_load_explicit(&found[function], memory_order_relaxed);
}

static void *checked(void *memory, size_t bytes) {
  if (!memory && bytes > 0) cmem_refuse(bytes);
  return memory;
}

/* count * size, or the most there is when that is more. */
static size_t product(size_t count, size_t size) {
  size_t bytes;
  return __builtin_mul_overflow(count, size, &bytes) ? (size_t)-1 : bytes;
}

void *malloc(size_t bytes) {
  void *(*function)(size_t) = (void *(*)(size_t))next(MALLOC);
  return checked(function ? function(bytes) : __libc_malloc(bytes), bytes);
}

void *calloc(size_t count, size_t size) {
  void *(*function)(size_t, size_t) = (void *(*)(size_t, size_t))next(CALLOC);
  return checked(function ? function(count, size) : __libc_calloc(count, size), product(count, size));
}

void *realloc(void *memory, size_t bytes) {
  void *(*function)(void *, size_t) = (void *(*)(void *, size_t))next(REALLOC);
  return checked(function ? function(memory, bytes) : __libc_realloc(memory, bytes), bytes);
}

void *reallocarray(void *memory, size_t count, size_t size) { return realloc(memory, product(count, size)); }

void *memalign(size_t alignment, size_t bytes) {
  void *(*function)(size_t, size_t) = (void *(*)(size_t, size_t))next(MEMALIGN);
  void *memory = function ? function(alignment, bytes) : __libc_memalign(alignment, bytes);
  /* An alignment that is none is the caller's fault, not the memory's. */
  return memory || errno != ENOMEM ? memory : checked(NULL, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  int (*function)(void **, size_t, size_t) = (int (*)(void **, size_t, size_t))next(POSIX_MEMALIGN);
  if (!function) {
    *memory = memalign(alignment, bytes);
    return *memory ? 0 : ENOMEM;
  }
  int code = function(memory, alignment, bytes);
  if (code == ENOMEM) cmem_refuse(bytes);
  return code;
}

/* Foundation's threads do not look whether they have started, and a queue's workers are waited for without an end. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  typedef int (*starter)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  starter function = (starter)next(PTHREAD_CREATE);
  int code = function ? function(thread, attributes, body, argument) : EAGAIN;
  if (code == EAGAIN || code == ENOMEM) cmem_refuse_thread();
  return code;
}

#endif
