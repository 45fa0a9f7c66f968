/* Makes the n-th call that touches files below a folder fail: preload it, and say which.
 *
 *   cc -O2 -shared -fPIC -o faults.so faults.c
 *   FAULTS_FOLDER=/run FAULTS_KIND=eio FAULTS_NUMBER=12 FAULTS_LOG=FILE LD_PRELOAD=./faults.so COMMAND...
 *
 * FAULTS_FOLDER  absolute; only calls on it and on what is below it are counted
 * FAULTS_KIND    enospc  call n fails with "No space left on device": create, mkdir, write, flush and rename are counted
 *                short   write n takes half of its bytes, and the next one fails as above; writes are counted
 *                full    as short, and from then on everything fails that enospc counts: a disk that stays full
 *                eio     call n fails with "Input/output error": every call is counted
 *                broken  as eio, and all calls from n on: a disk that is gone
 * FAULTS_NUMBER  n, from 1; 0 only counts
 * FAULTS_CALLS   a comma-separated list of calls to count instead: open (an existing file or folder), create, mkdir, write, flush,
 *                truncate, rename, unlink, rmdir, close
 * FAULTS_RANK    only this rank of an MPI job (OMPI_COMM_WORLD_RANK or PMI_RANK)
 * FAULTS_LOG     gets a line "number call path" for each call that failed, or with n = 0 for each that was counted
 *
 * Linux and glibc only. What libc calls inside itself (opendir, fopen) is not seen. `faults.py` drives it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ENOSPC_KIND, SHORT_KIND, FULL_KIND, EIO_KIND, BROKEN_KIND };
static const char *const kinds[] = {"enospc", "short", "full", "eio", "broken"};
static const char space[] = ",create,mkdir,write,flush,rename,";
static const char everything[] = ",open,create,mkdir,write,flush,truncate,rename,unlink,rmdir,close,";

static char folder[PATH_MAX];
static size_t folder_length; /* 0: nothing is counted */
static char calls[256];
static int kind = -1;
static long number;
static int log_file = -1;
static atomic_long counted;
static atomic_int starved; /* a short write has been: the next fails */

static __attribute__((noreturn)) void refuse(const char *sentence) {
  dprintf(STDERR_FILENO, "faults.so: %s\n", sentence);
  _exit(64);
}

static __attribute__((constructor)) void begin(void) {
  const char *text = getenv("FAULTS_FOLDER"), *rank = getenv("FAULTS_RANK"), *own = getenv("OMPI_COMM_WORLD_RANK");
  if (!own) own = getenv("PMI_RANK");
  if (!text || (rank && (!own || strcmp(rank, own)))) return;
  if (text[0] != '/' || strlen(text) >= sizeof folder) refuse("FAULTS_FOLDER must be an absolute path");
  strcpy(folder, text);
  const char *name = getenv("FAULTS_KIND");
  for (int i = 0; name && i < (int)(sizeof kinds / sizeof *kinds); i++)
    if (!strcmp(name, kinds[i])) kind = i;
  if (kind < 0) refuse("FAULTS_KIND must be enospc, short, full, eio or broken");
  const char *list = getenv("FAULTS_CALLS");
  if (list)
    snprintf(calls, sizeof calls, ",%s,", list);
  else
    strcpy(calls, kind == SHORT_KIND || kind == FULL_KIND ? ",write," : kind == ENOSPC_KIND ? space : everything);
  number = atol(getenv("FAULTS_NUMBER") ? getenv("FAULTS_NUMBER") : "0");
  const char *path = getenv("FAULTS_LOG");
  if (path) log_file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  folder_length = strlen(folder);
}

static int is_below(const char *path) {
  return !strncmp(path, folder, folder_length) && (path[folder_length] == 0 || path[folder_length] == '/');
}

static int is_in(const char *list, const char *call) {
  char word[32];
  snprintf(word, sizeof word, ",%s,", call);
  return strstr(list, word) != NULL;
}

static void note(long place, const char *call, const char *path) {
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "%ld %s %s\n", place, call, path);
  if (log_file >= 0 && length > 0) syscall(SYS_write, log_file, line, (size_t)length);
}

/* What becomes of a call on a path: an errno, 0 when it goes through, -1 when it is to be a short write. */
static int strike(const char *call, const char *path) {
  if (!is_below(path)) return 0;
  int is_write = !strcmp(call, "write"), first = 0;
  if (is_write && kind == SHORT_KIND && atomic_exchange(&starved, 0)) {
    note(number, call, path);
    return ENOSPC;
  }
  /* Of a full disk the first call is found among the writes, the later ones among all that need room. */
  if (kind == FULL_KIND && atomic_load(&starved) && is_in(space, call)) return ENOSPC;
  if (!is_in(calls, call)) return 0;
  long place = atomic_fetch_add(&counted, 1) + 1;
  first = place == number;
  if (number == 0 || first) note(place, call, path);
  if (kind == BROKEN_KIND && number > 0 && place >= number) return EIO;
  if (!first) return 0;
  if (kind == EIO_KIND) return EIO;
  if (kind == ENOSPC_KIND) return ENOSPC;
  atomic_store(&starved, 1);
  return is_write ? -1 : ENOSPC;
}

/* Fails a call: its errno, and -1. */
static int fail(int code) {
  errno = code;
  return -1;
}

/* The same for a path as it is given, from a folder's descriptor or the working directory. */
static int strike_path(const char *call, int base, const char *path) {
  if (folder_length == 0) return 0;
  int saved = errno;
  char whole[2 * PATH_MAX], link[64];
  if (path[0] == '/') {
    snprintf(whole, sizeof whole, "%s", path);
  } else {
    snprintf(link, sizeof link, base == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", base);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    if (length < 0) length = 0;
    snprintf(whole + length, sizeof whole - length, "/%s", path);
  }
  int result = strike(call, whole);
  errno = saved;
  return result;
}

/* The same for an open file. */
static int strike_file(const char *call, int file) {
  if (folder_length == 0) return 0;
  int saved = errno;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = saved;
  if (length <= 0) return 0;
  path[length] = 0;
  int result = strike(call, path);
  errno = saved;
  return result;
}

/* How many of so many bytes are to be written; -1 when none, with errno set. */
static ssize_t allowed(int file, size_t bytes) {
  int code = strike_file("write", file);
  if (code > 0) return fail(code);
  return code == 0 ? (ssize_t)bytes : (ssize_t)(bytes + 1) / 2;
}

static int open_file(int base, const char *path, int flags, mode_t mode) {
  int code = strike_path(flags & O_CREAT ? "create" : "open", base, path);
  return code ? fail(code) : (int)syscall(SYS_openat, base, path, flags, mode);
}

static mode_t mode_of(int flags, va_list *list) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(*list, mode_t) : 0;
}

#define OPEN(name)                             \
  int name(const char *path, int flags, ...) { \
    va_list list;                              \
    va_start(list, flags);                     \
    mode_t mode = mode_of(flags, &list);       \
    va_end(list);                              \
    return open_file(AT_FDCWD, path, flags, mode); \
  }
#define OPENAT(name)                                     \
  int name(int base, const char *path, int flags, ...) { \
    va_list list;                                        \
    va_start(list, flags);                               \
    mode_t mode = mode_of(flags, &list);                 \
    va_end(list);                                        \
    return open_file(base, path, flags, mode);           \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int creat(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int mkdirat(int base, const char *path, mode_t mode) {
  int code = strike_path("mkdir", base, path);
  return code ? fail(code) : (int)syscall(SYS_mkdirat, base, path, mode);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

ssize_t write(int file, const void *bytes, size_t count) {
  ssize_t most = allowed(file, count);
  return most < 0 ? -1 : syscall(SYS_write, file, bytes, (size_t)most);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  ssize_t most = allowed(file, count);
  return most < 0 ? -1 : syscall(SYS_pwrite64, file, bytes, (size_t)most, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) { return pwrite(file, bytes, count, offset); }

ssize_t writev(int file, const struct iovec *parts, int count) {
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  ssize_t most = allowed(file, bytes);
  if (most < 0) return -1;
  /* Half of several parts: the first of them, which is short enough. */
  if ((size_t)most < bytes && count > 0) return syscall(SYS_write, file, parts[0].iov_base, (parts[0].iov_len + 1) / 2);
  return syscall(SYS_writev, file, parts, count);
}

int fsync(int file) {
  int code = strike_file("flush", file);
  return code ? fail(code) : (int)syscall(SYS_fsync, file);
}
int fdatasync(int file) {
  int code = strike_file("flush", file);
  return code ? fail(code) : (int)syscall(SYS_fdatasync, file);
}

int ftruncate(int file, off_t size) {
  int code = strike_file("truncate", file);
  return code ? fail(code) : (int)syscall(SYS_ftruncate, file, size);
}
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }
int truncate(const char *path, off_t size) {
  int code = strike_path("truncate", AT_FDCWD, path);
  return code ? fail(code) : (int)syscall(SYS_truncate, path, size);
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }

int renameat2(int from_base, const char *from, int to_base, const char *to, unsigned flags) {
  int code = strike_path("rename", to_base, to);
  return code ? fail(code) : (int)syscall(SYS_renameat2, from_base, from, to_base, to, flags);
}
int renameat(int from_base, const char *from, int to_base, const char *to) { return renameat2(from_base, from, to_base, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int base, const char *path, int flags) {
  int code = strike_path(flags & AT_REMOVEDIR ? "rmdir" : "unlink", base, path);
  return code ? fail(code) : (int)syscall(SYS_unlinkat, base, path, flags);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

/* A close that fails has closed. */
int close(int file) {
  int code = strike_file("close", file);
  int result = (int)syscall(SYS_close, file);
  return code ? fail(code) : result;
}
