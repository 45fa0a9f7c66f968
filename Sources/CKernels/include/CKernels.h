/* The plain-C contract of the vector kernels: pointers, sizes, int status. dnnl.h never appears here. */
#ifndef PRECISE_CKERNELS_H
#define PRECISE_CKERNELS_H
#endif
