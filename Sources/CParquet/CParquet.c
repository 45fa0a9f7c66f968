/* Loads the Parquet library, after a look at its version. */
#include "CParquet.h"

#include <dlfcn.h>
#include <string.h>

static void copy_reason(struct cparquet_library *library, const char *reason) {
  size_t count = reason ? strlen(reason) : 0;
  if (count >= sizeof library->reason) count = sizeof library->reason - 1;
  if (count > 0) memcpy(library->reason, reason, count);
  library->reason[count] = 0;
}

int cparquet_load(const char *path, struct cparquet_library *library) {
  library->functions = NULL;
  library->version = -1;
  library->reason[0] = 0;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    copy_reason(library, dlerror());
    return CPARQUET_UNLOADABLE;
  }
  /* POSIX lets a function's address go through a void *; a union says so to the compiler. */
  union {
    void *symbol;
    cparquet_version_function version;
    cparquet_functions_function functions;
  } found;
  found.symbol = dlsym(handle, CPARQUET_VERSION_SYMBOL);
  if (!found.symbol) return CPARQUET_OTHER_VERSION;
  library->version = found.version();
  if (library->version != CPARQUET_VERSION) return CPARQUET_OTHER_VERSION;
  found.symbol = dlsym(handle, CPARQUET_FUNCTIONS_SYMBOL);
  if (!found.symbol) return CPARQUET_OTHER_VERSION;
  library->functions = found.functions();
  return library->functions ? CPARQUET_LOADED : CPARQUET_OTHER_VERSION;
}
