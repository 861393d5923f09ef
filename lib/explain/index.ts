/** Why a model says what it says. @module */

export { type DeepLiftOptions, deepLift } from './deep-lift.js';
export {
  attentionRollout,
  gradCam,
  type IntegratedGradients,
  type IntegratedGradientsOptions,
  integratedGradients,
  type SaliencyOptions,
  type SmoothGradOptions,
  saliency,
  smoothGrad,
} from './gradients.js';
export { type InfluenceOptions, influence } from './influence.js';
export type { Explained, TargetOptions } from './model.js';
export { type OcclusionOptions, occlusion, type ShapleyOptions, shapleyValues } from './perturbations.js';
export { activationPictures, filterPictures, type MapPicturesOptions, mapPictures } from './pictures.js';
