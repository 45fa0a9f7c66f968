/* Calls of the system that Swift's module of the C library lacks. */
#ifndef CHOST_H
#define CHOST_H

#include "CMemory.h"

/* Makes two names of one file system stand for each other's file or folder, in one step.
 * Returns 0, or -1 with errno; EINVAL or ENOSYS where the file system or the kernel cannot. */
int chost_exchange(const char *one, const char *other);

/* Makes this process the parent of every descendant whose own parent ends, as process 1 is for all others. 0, or errno. */
int chost_adopt_orphans(void);

/* Whether this process ignores a signal, as its parent may have wanted (nohup). */
int chost_ignores(int signal);

/* A page of a mapped file that is not there (the file was cut short, its disk failed) ends the process with a sentence and a status,
 * not with a trap. The sentence stays where it is. */
void chost_end_on_missing_page(const char *sentence, int status);

#endif
