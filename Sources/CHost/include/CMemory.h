#ifndef CMEMORY_H
#define CMEMORY_H

#include <stddef.h>

/* Memory, or one sentence and the end of the process. See memory.c. */

#ifdef __cplusplus
extern "C" {
#endif

/* What memory is taken for and what to do when there is none; texts that live as long as the process. */
struct cmem_purpose {
  const char *what;
  const char *remedy;
};

/* Sets what the calling thread takes memory for from now on and returns what that was; null texts stand for the process's purpose. */
struct cmem_purpose cmem_enter(struct cmem_purpose purpose);

/* Sets what threads that have said nothing else take memory for. */
void cmem_begin(struct cmem_purpose purpose);

/* So many zeroed bytes, for free(); fresh pages of the system are not cleared a second time. Ends the process where there are none. */
void *cmem_zeroed(size_t bytes);

/* The sentence about so many bytes, cut off at the capacity; returns its length. Takes no memory. */
size_t cmem_sentence(char *text, size_t capacity, size_t bytes, struct cmem_purpose purpose, size_t limit);

#ifdef __cplusplus
}
#endif

#endif
