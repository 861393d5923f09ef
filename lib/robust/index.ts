/** Attacks upon models, and what makes them less sure of themselves. @module */

export { type Attacked, type FgsmOptions, fgsm, type PgdOptions, pgd } from './attacks.js';
export { cutMix, type Mixed, type MixOptions, mixUp } from './mix.js';
export { fitTemperature } from './temperature.js';
