#include "CProcesses.h"

#include <errno.h>
#include <sys/prctl.h>

int cprocesses_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }
