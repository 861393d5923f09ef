/** Probability distributions under PyTorch's names. @module */

export {
  Categorical,
  type CategoricalArguments,
  Multinomial,
  type MultinomialArguments,
  OneHotCategorical,
  OneHotCategoricalStraightThrough,
  type WeightsOrLogits,
} from './categorical.js';
export { Independent, MixtureSameFamily, TransformedDistribution } from './composite.js';
export type { Constraint } from './constraints.js';
export {
  ContinuousBernoulli,
  type ContinuousBernoulliArguments,
  type ContinuousBernoulliOptions,
} from './continuous-bernoulli.js';
export { Distribution, type SampleArguments, type SampleOptions, type Validation } from './distribution.js';
export { Beta, Chi2, Dirichlet, FisherSnedecor, Gamma, type GammaArguments, InverseGamma, StudentT } from './gamma.js';
export { Kumaraswamy, Uniform } from './interval.js';
export { klDivergence, registerKl } from './kl.js';
export {
  type Covariance,
  LowRankMultivariateNormal,
  MultivariateNormal,
  type MultivariateNormalArguments,
} from './multivariate.js';
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
export {
  AbsTransform,
  AffineTransform,
  ComposeTransform,
  CumulativeDistributionTransform,
  ExpTransform,
  IndependentTransform,
  PowerTransform,
  SigmoidTransform,
  SoftmaxTransform,
  SoftplusTransform,
  TanhTransform,
  Transform,
} from './transforms.js';
export { VonMises } from './von-mises.js';

import './kl-pairs.js';

export { LKJCholesky, LogisticNormal, Wishart, type WishartArguments } from './matrices.js';
export {
  CatTransform,
  CorrCholeskyTransform,
  LowerCholeskyTransform,
  PositiveDefiniteTransform,
  ReshapeTransform,
  StackTransform,
  StickBreakingTransform,
} from './transforms-vectors.js';
