/* Compiles what follows in a module with -O3, so that gcc makes vectors of its loops in Cython, as it does of those in
 * the headers of kernels. */
#ifndef OVLITE_VECTORIZE_H
#define OVLITE_VECTORIZE_H

#pragma GCC optimize("O3")

#endif
