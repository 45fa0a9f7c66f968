/* Calls of the system that Swift's module of the C library lacks, and instructions of the processor that Swift lacks. */
#ifndef CHOST_H
#define CHOST_H

#include <stddef.h>
#include <stdint.h>

#include "CMemory.h"

/* Makes two names of one file system stand for each other's file or folder, in one step.
 * Returns 0, or -1 with errno; EINVAL or ENOSYS where the file system or the kernel cannot. */
int chost_exchange(const char *one, const char *other);

/* Makes this process the parent of every descendant whose own parent ends, as process 1 is for all others. 0, or errno. */
int chost_adopt_orphans(void);

/* Whether this process ignores a signal, as its parent may have wanted (nohup). */
int chost_ignores(int signal);

/* Whether an open file's bytes go past the page cache (O_DIRECT, which is another number on each processor). 0, or errno where its file
 * system cannot. */
int chost_set_direct(int file, int is_direct);

/* A page of a mapped file that is not there (the file was cut short, its disk failed) ends the process with a sentence and a status,
 * not with a trap. The sentence stays where it is. */
void chost_end_on_missing_page(const char *sentence, int status);

/* Takes bytes into a CRC-32 (polynomial 0xEDB88320, zlib's), which is 0 before the first, as far as the processor has instructions for it.
 * Returns how many it took, from the front: perhaps all but the last few, perhaps none. */
size_t chost_crc32(uint32_t *checksum, const void *bytes, size_t count);

#endif
