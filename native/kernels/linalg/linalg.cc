// Factorisations of matrices, and what is solved by them. LAPACK's algorithms on the products of native/gemm: OpenBLAS's
// source, as Debian has it, comes without LAPACK, and one implementation serves every platform.
#include "cholesky.h"
#include "eigh.h"
#include "exponential.h"
#include "flops.h"
#include "ldl.h"
#include "lu.h"
#include "qr.h"
#include "svd.h"

ADJOINT_FAMILY(linalg, flops<luFactorFlops>(ADJOINT_FLOATS(luFactor, "lu pivots x count m n")),
               flops<luSolveFlops>(ADJOINT_FLOATS(luSolve, "x lu pivots b count n columns transposed singular")),
               flops<triangularSolveFlops>(ADJOINT_FLOATS(triangularSolve,
                                                          "x a b count n columns upper transposed unit")),
               flops<choleskyFlops>(ADJOINT_FLOATS(cholesky, "l info x count n strict")),
               ADJOINT_FLOATS(ldlFactor, "ld pivots info x count n"),
               ADJOINT_FLOATS(ldlSolve, "x ld pivots b count n columns"),
               flops<geqrfFlops>(ADJOINT_FLOATS(geqrf, "a tau x count m n")),
               flops<householderProductFlops>(ADJOINT_FLOATS(householderProduct, "q a tau count m n k columns")),
               flops<eighFlops>(ADJOINT_FLOATS(eigh, "values vectors x count n")),
               flops<svdFlops>(ADJOINT_FLOATS(svd, "u s vh x count m n")),
               flops<matrixExpFlops>(ADJOINT_FLOATS(matrixExp, "y x count n")))
