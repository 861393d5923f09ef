/** Linear algebra under PyTorch's names: factorisations, systems of equations, norms of matrices. @module */
export { LinAlgError } from '../errors.js';
export { type CholeskyExOptions, type CholeskyOptions, cholesky, choleskyEx } from './linalg-cholesky.js';
export { det, slogdet } from './linalg-det.js';
export { type Eigen, eigh, eigvalsh, matrixSqrth, type Uplo, type UploArguments } from './linalg-eigh.js';
export { type LdlFactorExOptions, type LdlFactors, ldlFactor, ldlFactorEx, ldlSolve } from './linalg-ldl.js';
export { type LuSolveOptions, lu, luFactor, luFactorEx, luSolve } from './linalg-lu.js';
export {
  cond,
  type MatrixNormArguments,
  type MatrixNormOptions,
  type MatrixOrder,
  matrixNorm,
  type NormDimensions,
  norm,
  type VectorNormArguments,
  type VectorNormOptions,
  vectorNorm,
} from './linalg-norm.js';
export {
  type LeastSquares,
  type LstsqOptions,
  lstsq,
  matrixRank,
  type PinvOptions,
  pinv,
  type Tolerances,
} from './linalg-pinv.js';
export {
  cross,
  type DiagonalOptions,
  diagonal,
  matrixExp,
  matrixPower,
  multiDot,
  tensorinv,
  tensorsolve,
  vander,
  vecdot,
} from './linalg-products.js';
export { householderProduct, type QrMode, qr } from './linalg-qr.js';
export {
  type Factors,
  inv,
  invEx,
  type SolveExOptions,
  solve,
  solveEx,
} from './linalg-solve.js';
export { polar, type Svd, svd, svdvals } from './linalg-svd.js';
export { type SolveTriangularOptions, solveTriangular } from './linalg-triangular.js';
export { type MatmulOptions, matmul } from './matmul.js';
