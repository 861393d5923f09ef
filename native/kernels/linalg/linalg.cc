// Factorisations of matrices, and what is solved by them. LAPACK's algorithms on the products of native/gemm: OpenBLAS's
// source, as Debian has it, comes without LAPACK, and one implementation gives the same numbers on every platform.
#include "cholesky.h"
#include "eigh.h"
#include "exponential.h"
#include "lu.h"
#include "qr.h"
#include "svd.h"

ADJOINT_FAMILY(linalg, ADJOINT_FLOATS(luFactor, "lu pivots x count m n"),
               ADJOINT_FLOATS(luSolve, "x lu pivots b count n columns transposed singular"),
               ADJOINT_FLOATS(triangularSolve, "x a b count n columns upper transposed unit"),
               ADJOINT_FLOATS(cholesky, "l info x count n strict"), ADJOINT_FLOATS(geqrf, "a tau x count m n"),
               ADJOINT_FLOATS(householderProduct, "q a tau count m n k columns"),
               ADJOINT_FLOATS(eigh, "values vectors x count n"), ADJOINT_FLOATS(svd, "u s vh x count m n"),
               ADJOINT_FLOATS(matrixExp, "y x count n"))
