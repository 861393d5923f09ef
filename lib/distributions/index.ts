/** Probability distributions under PyTorch's names. @module */

export { Beta, Dirichlet } from './beta.js';
export {
  Categorical,
  type CategoricalArguments,
  Multinomial,
  type MultinomialArguments,
  OneHotCategorical,
  OneHotCategoricalStraightThrough,
  type WeightsOrLogits,
} from './categorical.js';
export { Independent, TransformedDistribution } from './composite.js';
export type { Constraint } from './constraints.js';
export {
  ContinuousBernoulli,
  type ContinuousBernoulliArguments,
  type ContinuousBernoulliOptions,
} from './continuous-bernoulli.js';
export { Distribution, type SampleArguments, type SampleOptions, type Validation } from './distribution.js';
export { ExponentialFamily } from './exponential-family.js';
export { HalfCauchy, HalfNormal, type ScaleArguments } from './folded.js';
export { Chi2, Gamma, type GammaArguments, InverseGamma } from './gamma.js';
export { Kumaraswamy, Uniform } from './interval.js';
export { klDivergence, registerKl } from './kl.js';
export { LKJCholesky, LogisticNormal, Wishart, type WishartArguments } from './matrices.js';
export { MixtureSameFamily } from './mixture.js';
export {
  type Covariance,
  LowRankMultivariateNormal,
  MultivariateNormal,
  type MultivariateNormalArguments,
} from './multivariate.js';
export {
  Cauchy,
  Gumbel,
  Laplace,
  type LocScaleArguments,
  LogNormal,
  Normal,
} from './normal.js';
export {
  Bernoulli,
  Binomial,
  type CountedArguments,
  Geometric,
  NegativeBinomial,
  type OddsArguments,
  Poisson,
  type ProbsOrLogits,
} from './odds.js';
export { Exponential, GeneralizedPareto, Pareto, Weibull } from './positive.js';
export {
  RelaxedBernoulli,
  type RelaxedBernoulliArguments,
  RelaxedOneHotCategorical,
  type RelaxedOneHotCategoricalArguments,
} from './relaxed.js';
export { FisherSnedecor, StudentT } from './test-statistics.js';
export { Transform } from './transform.js';
export {
  AbsTransform,
  AffineTransform,
  CumulativeDistributionTransform,
  ExpTransform,
  PowerTransform,
  SigmoidTransform,
  SoftplusTransform,
  TanhTransform,
} from './transforms.js';
export { CatTransform, ComposeTransform, IndependentTransform, StackTransform } from './transforms-composed.js';
export {
  CorrCholeskyTransform,
  LowerCholeskyTransform,
  PositiveDefiniteTransform,
  ReshapeTransform,
  SoftmaxTransform,
  StickBreakingTransform,
} from './transforms-vectors.js';
export { VonMises } from './von-mises.js';

import './kl-pairs.js';
