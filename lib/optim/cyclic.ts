import { optionsOf, type Positional } from '../arguments.js';
import { checkChoice, checkFunction, checkInteger, checkNumber } from '../errors.js';
import { CycledLR, type MomentumLimits } from './cycled-lr.js';
import { perGroup, type ScheduledOptimizer } from './lr-scheduler-base.js';

type Rate = number | readonly number[];

/** Options of `CyclicLR`. */
export interface CyclicOptions {
  /** The lowest learning rate; one for each group, or one for all. */
  baseLr: Rate;
  /** The highest learning rate. */
  maxLr: Rate;
  /** The number of steps in which the rate rises; default 2000. */
  stepSizeUp?: number;
  /** The number of steps in which it falls; default `stepSizeUp`. */
  stepSizeDown?: number;
  /** Whether the height stays, halves with each cycle or is multiplied by `gamma` with each step; default triangular. */
  mode?: 'triangular' | 'triangular2' | 'expRange';
  /** The factor of the height for `expRange`; default 1. */
  gamma?: number;
  /** A factor of the height in place of `mode`, by the number of the cycle, from 1, or of the step, from 0. */
  scaleFn?: (x: number) => number;
  /** What `scaleFn` is given; default cycle. */
  scaleMode?: 'cycle' | 'iterations';
  /** Whether momentum (Adam: the first of `betas`) falls while the rate rises, and rises again; default true. */
  cycleMomentum?: boolean;
  /** Default 0.8. */
  baseMomentum?: number | readonly number[];
  /** Default 0.9. */
  maxMomentum?: number | readonly number[];
}

const named = [
  ...['stepSizeUp', 'stepSizeDown', 'mode', 'gamma', 'scaleFn', 'scaleMode'],
  ...['cycleMomentum', 'baseMomentum', 'maxMomentum'],
];

/**
 * Cycles (Smith, "Cyclical learning rates for training neural networks", 2015, https://arxiv.org/abs/1506.01186): the
 * learning rate rises from baseLr to maxLr and falls again; momentum goes the other way. Call `step` once per batch.
 *
 * @example
 * const scheduler = new optim.lrScheduler.CyclicLR(optimizer, 0.01, 0.1, { stepSizeUp: 100, cycleMomentum: false });
 */
export class CyclicLR extends CycledLR {
  private readonly maxLrs: readonly number[];
  private readonly up: number;
  private readonly down: number;
  private readonly scale: (step: number, cycle: number) => number;

  /** @param args baseLr and maxLr, each one for all groups or one for each, and options */
  constructor(optimizer: ScheduledOptimizer, ...args: Positional<CyclicOptions, [baseLr: 'baseLr', maxLr: 'maxLr']>) {
    const name = 'CyclicLR';
    super(name, optimizer);
    const o = optionsOf<CyclicOptions>(name, args, ['baseLr', 'maxLr'], named);
    const rates = (key: 'baseLr' | 'maxLr') =>
      perGroup<unknown>(name, key, o[key], this._groups).map((rate) => checkNumber(name, key, rate, { min: 0 }));
    this.baseLrs = rates('baseLr');
    this.maxLrs = rates('maxLr');
    this.up = checkInteger(name, 'stepSizeUp', o.stepSizeUp ?? 2000, 1);
    this.down = checkInteger(name, 'stepSizeDown', o.stepSizeDown ?? this.up, 1);
    this.scale = scaleOf(o);
    this.cycleMomentum(o, { base: 0.8, max: 0.9 });
    this.begin();
  }

  // The height of step `lastEpoch` between the base, 0, and the top, 1.
  private height(): number {
    const { lastEpoch, up, down } = this;
    const total = up + down;
    const cycle = Math.floor(1 + lastEpoch / total);
    const part = 1 + lastEpoch / total - cycle;
    const ratio = up / total;
    const triangle = part <= ratio ? part / ratio : (part - 1) / (ratio - 1);
    return triangle * this.scale(lastEpoch, cycle);
  }

  getLr(): number[] {
    const height = this.height();
    this.setMomenta(against(height));
    return this.baseLrs.map((rate, i) => rate + ((this.maxLrs[i] as number) - rate) * height);
  }

  protected momentumNow(): (limits: MomentumLimits) => number {
    return against(this.height());
  }
}

const against =
  (height: number) =>
  ({ base, max }: MomentumLimits): number =>
    max - (max - base) * height;

function scaleOf(o: Partial<CyclicOptions>): (step: number, cycle: number) => number {
  const name = 'CyclicLR';
  const mode = checkChoice(name, 'mode', o.mode, ['triangular', 'triangular2', 'expRange'], 'triangular');
  const gamma = checkNumber(name, 'gamma', o.gamma ?? 1, { min: 0 });
  const scaleMode = checkChoice(name, 'scaleMode', o.scaleMode, ['cycle', 'iterations'], 'cycle');
  const { scaleFn } = o;
  if (scaleFn !== undefined) {
    checkFunction(name, 'scaleFn', scaleFn);
    return (step, cycle) => scaleFn(scaleMode === 'cycle' ? cycle : step);
  }
  if (mode === 'triangular') return () => 1;
  return mode === 'triangular2' ? (_, cycle) => 2 ** (1 - cycle) : (step) => gamma ** step;
}
