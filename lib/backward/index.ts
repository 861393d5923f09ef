export { detectAnomaly } from './anomaly.js';
export * as functional from './functional.js';
