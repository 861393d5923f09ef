/** Probability distributions under PyTorch's names. @module */
export type { Constraint } from './constraints.js';
export { Distribution, type SampleArguments, type SampleOptions, type Validation } from './distribution.js';
export { Beta, Chi2, Dirichlet, FisherSnedecor, Gamma, type GammaArguments, InverseGamma, StudentT } from './gamma.js';
export { Kumaraswamy, Uniform } from './interval.js';
export {
  Cauchy,
  Gumbel,
  HalfCauchy,
  HalfNormal,
  Laplace,
  type LocScaleArguments,
  LogNormal,
  Normal,
  type ScaleArguments,
} from './normal.js';
export { Exponential, GeneralizedPareto, Pareto, Weibull } from './positive.js';
