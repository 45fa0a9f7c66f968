/* What Linux offers about processes and Swift cannot import: calls with a variable number of arguments. */
#ifndef PRECISE_CPROCESSES_H
#define PRECISE_CPROCESSES_H

#ifdef __cplusplus
extern "C" {
#endif

/* Makes this process the parent of every descendant whose own parent ends, as process 1 is for all others. 0, or errno. */
int cprocesses_adopt_orphans(void);

#ifdef __cplusplus
}
#endif
#endif
