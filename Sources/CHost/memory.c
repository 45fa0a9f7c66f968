#include "CMemory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "refusal.h"

/* EX_SOFTWARE, as in the program's other exit codes. */
enum { exit_code = 70 };

static struct cmem_purpose process_purpose = {"the work of this process", "give it more memory"};

/* Of the initial-exec kind, because the other kinds take memory at the first use. */
static _Thread_local struct cmem_purpose thread_purpose __attribute__((tls_model("initial-exec")));

struct cmem_purpose cmem_enter(struct cmem_purpose purpose) {
  struct cmem_purpose before = thread_purpose;
  thread_purpose = purpose;
  return before;
}

void cmem_begin(struct cmem_purpose purpose) { process_purpose = purpose; }

void *cmem_zeroed(size_t bytes) {
  void *memory = calloc(bytes / 64 + 1, 64);
  if (!memory) cmem_refuse(bytes);
  return memory;
}

/* Bytes in the largest unit that they fill, a decimal behind the point: "1.2 GiB". Whole numbers only, since printing others may take
   memory. */
static void print_bytes(char *text, size_t capacity, size_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  size_t unit = 0, tenths = 0;
  while (bytes >= 1024) {
    tenths = bytes % 1024 * 10 / 1024;
    bytes /= 1024;
    unit++;
  }
  if (unit == 0) {
    snprintf(text, capacity, "%zu B", bytes);
  } else {
    snprintf(text, capacity, "%zu.%zu %s", bytes, tenths, units[unit]);
  }
}

size_t cmem_sentence(char *text, size_t capacity, size_t bytes, struct cmem_purpose purpose, size_t limit) {
  char wanted[32], allowed[32], reason[128] = "";
  print_bytes(wanted, sizeof wanted, bytes);
  if (limit != SIZE_MAX) {
    print_bytes(allowed, sizeof allowed, limit);
    snprintf(reason, sizeof reason, ", or raise the limit of %s on this process's address space (ulimit -v)", allowed);
  }
  int length = snprintf(text, capacity, "precise: cannot allocate %s for %s; %s%s\n", wanted, purpose.what, purpose.remedy, reason);
  return length < 0 ? 0 : (size_t)length < capacity ? (size_t)length : capacity - 1;
}

/* The limit on the address space; SIZE_MAX when there is none. */
static size_t address_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return (size_t)limit.rlim_cur;
}

static _Noreturn void end(const char *sentence, size_t length) {
  static atomic_flag is_told = ATOMIC_FLAG_INIT;
  /* Other threads fail of the same; the first one speaks and ends them all. */
  while (atomic_flag_test_and_set(&is_told)) pause();
  while (length > 0) {
    ssize_t written = write(STDERR_FILENO, sentence, length);
    if (written < 0 && errno != EINTR) break;
    if (written > 0) {
      sentence += written;
      length -= (size_t)written;
    }
  }
  /* Without exit(): what is registered there may take memory, or wait for the other ranks. A launcher ends those when a rank ends so. */
  _exit(exit_code);
}

_Noreturn void cmem_refuse(size_t bytes) {
  char text[512];
  struct cmem_purpose purpose = thread_purpose.what ? thread_purpose : process_purpose;
  end(text, cmem_sentence(text, sizeof text, bytes, purpose, address_limit()));
}

_Noreturn void cmem_refuse_thread(void) {
  static const char text[] =
    "precise: cannot start a thread; start fewer ranks, or raise the limits on processes (ulimit -u, pids.max) and on this process's "
    "address space (ulimit -v)\n";
  end(text, sizeof text - 1);
}
