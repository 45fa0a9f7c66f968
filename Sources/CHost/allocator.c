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

static _Thread_local int is_looking __attribute__((tls_model("initial-exec")));

/* The next definition of a name behind this program's; null while it is being looked for, which may itself take memory. */
static void *next(_Atomic(void *) *found, const char *name) {
  void *function = atomic_load_explicit(found, memory_order_relaxed);
  if (function || is_looking) return function;
  is_looking = 1;
  function = dlsym(RTLD_NEXT, name);
  is_looking = 0;
  atomic_store_explicit(found, function, memory_order_relaxed);
  return function;
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
  static _Atomic(void *) found;
  void *(*function)(size_t) = (void *(*)(size_t))next(&found, "malloc");
  return checked(function ? function(bytes) : __libc_malloc(bytes), bytes);
}

void *calloc(size_t count, size_t size) {
  static _Atomic(void *) found;
  void *(*function)(size_t, size_t) = (void *(*)(size_t, size_t))next(&found, "calloc");
  return checked(function ? function(count, size) : __libc_calloc(count, size), product(count, size));
}

void *realloc(void *memory, size_t bytes) {
  static _Atomic(void *) found;
  void *(*function)(void *, size_t) = (void *(*)(void *, size_t))next(&found, "realloc");
  return checked(function ? function(memory, bytes) : __libc_realloc(memory, bytes), bytes);
}

void *reallocarray(void *memory, size_t count, size_t size) { return realloc(memory, product(count, size)); }

void *memalign(size_t alignment, size_t bytes) {
  static _Atomic(void *) found;
  void *(*function)(size_t, size_t) = (void *(*)(size_t, size_t))next(&found, "memalign");
  void *memory = function ? function(alignment, bytes) : __libc_memalign(alignment, bytes);
  /* An alignment that is none is the caller's fault, not the memory's. */
  return memory || errno != ENOMEM ? memory : checked(NULL, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  static _Atomic(void *) found;
  int (*function)(void **, size_t, size_t) = (int (*)(void **, size_t, size_t))next(&found, "posix_memalign");
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
  static _Atomic(void *) found;
  typedef int (*starter)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  starter function = (starter)next(&found, "pthread_create");
  int code = function ? function(thread, attributes, body, argument) : EAGAIN;
  if (code == EAGAIN || code == ENOMEM) cmem_refuse_thread();
  return code;
}

#endif
