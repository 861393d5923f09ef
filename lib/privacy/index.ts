/** What a trained model may tell of the records that it learned from. @module */

export { getNoiseMultiplier, type NoiseMultiplierOptions, type PrivateSteps, RDPAccountant } from './accountant.js';
