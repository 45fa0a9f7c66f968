#ifndef REFUSAL_H
#define REFUSAL_H

#include <stddef.h>

/* End the process with one sentence on stderr and exit code 70: no memory for so many bytes, or for a thread. Take no memory and no lock. */
_Noreturn void cmem_refuse(size_t bytes);
_Noreturn void cmem_refuse_thread(void);

#endif
