/** Trainings that tell next to nothing of a single record, and how much they tell. @module */

export { getNoiseMultiplier, type NoiseMultiplierOptions, type PrivateSteps, RDPAccountant } from './accountant.js';
export {
  type PoissonSample,
  type PoissonSampleOptions,
  type PrivateGradientsOptions,
  poissonSample,
  privateGradients,
} from './gradients.js';
