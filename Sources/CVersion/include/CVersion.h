/* The program's version. */
#ifndef CVERSION_H
#define CVERSION_H

/* The version that Package.swift has put in: "0.3.0", or "0.3.0-dev+16aa275" between versions. */
const char *cversion_text(void);

#endif
