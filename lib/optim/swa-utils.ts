// `optim.swaUtils`: stochastic weight averaging, under PyTorch's names.
export {
  AveragedModel,
  type AveragedModelOptions,
  type AvgFn,
  type DecayArguments,
  getEmaAvgFn,
  getEmaMultiAvgFn,
  getSwaAvgFn,
  getSwaMultiAvgFn,
  type MultiAvgFn,
} from './averaged-model.js';
export { SWALR, type SWALROptions } from './swa-lr.js';
export { updateBn } from './update-bn.js';
