/* Whether ranks of one host may read each other's memory, as MPI libraries do to copy long messages once. */
#define _GNU_SOURCE
#include "CMPIShim.h"

#include <errno.h>
#include <sys/uio.h>

int cmpi_can_read(int process, uint64_t address) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)address, 1};
  return process_vm_readv(process, &here, 1, &there, 1, 0) == 1 ? 0 : errno;
}
