#include "CVersion.h"

const char *cversion_text(void) { return PRECISE_VERSION; }
