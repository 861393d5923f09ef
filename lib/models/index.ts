/** Architectures that people fine-tune, under the names and keys of torchvision and transformers. @module */

export type { LayerMaker } from './layer-maker.js';
export { MLP, type MLPOptions } from './mlp.js';
