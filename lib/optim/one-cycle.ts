import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkChoice, checkFlag, checkInteger, checkNumber, StateError } from '../errors.js';
import { CycledLR, type MomentumLimits } from './cycled-lr.js';
import { perGroup, type ScheduledOptimizer } from './lr-scheduler-base.js';

/** Options of `OneCycleLR`. */
export interface OneCycleOptions {
  /** The highest learning rate; one for each group, or one for all. */
  maxLr: number | readonly number[];
  /** Steps in all; or `epochs` and `stepsPerEpoch`. */
  totalSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  /** The fraction of the steps in which the rate rises; default 0.3. */
  pctStart?: number;
  /** Default cos. */
  annealStrategy?: 'cos' | 'linear';
  /** Whether momentum (Adam: the first of `betas`) falls while the rate rises, and rises again; default true. */
  cycleMomentum?: boolean;
  /** Default 0.85. */
  baseMomentum?: number | readonly number[];
  /** Default 0.95. */
  maxMomentum?: number | readonly number[];
  /** The first rate is maxLr / divFactor; default 25. */
  divFactor?: number;
  /** The last rate is the first one / finalDivFactor; default 10,000. */
  finalDivFactor?: number;
  /** Down to the first rate in as many steps as up, and only then to the last; default false. */
  threePhase?: boolean;
}

const known = ['totalSteps', 'epochs', 'stepsPerEpoch', 'pctStart', 'annealStrategy', 'cycleMomentum'];
const knownToo = ['baseMomentum', 'maxMomentum', 'divFactor', 'finalDivFactor', 'threePhase'];

/** The numbers between which a phase goes. */
interface Limits {
  first: number;
  peak: number;
  last: number;
}

interface Phase {
  end: number;
  from: keyof Limits;
  to: keyof Limits;
  momentum: readonly [keyof MomentumLimits, keyof MomentumLimits];
}

const cosine = (a: number, b: number, t: number): number => b + ((a - b) / 2) * (Math.cos(Math.PI * t) + 1);
const linear = (a: number, b: number, t: number): number => (b - a) * t + a;

function stepsOf(o: Partial<OneCycleOptions>): number {
  const name = 'OneCycleLR';
  if (o.totalSteps !== undefined) return checkInteger(name, 'totalSteps', o.totalSteps, 1);
  if (o.epochs === undefined || o.stepsPerEpoch === undefined) {
    throw new ArgumentError(`${name}: either totalSteps, or epochs and stepsPerEpoch must be given`);
  }
  return checkInteger(name, 'epochs', o.epochs, 1) * checkInteger(name, 'stepsPerEpoch', o.stepsPerEpoch, 1);
}

/**
 * The 1cycle policy (Smith and Topin, "Super-convergence", 2017, https://arxiv.org/abs/1708.07120): the learning rate rises from
 * maxLr / divFactor to maxLr and falls far below its start; momentum goes the other way. Call `step` once per batch.
 *
 * @throws StateError when it is stepped beyond its steps
 * @example
 * const scheduler = new optim.lrScheduler.OneCycleLR(new optim.Adam(model.parameters()), 0.01, { totalSteps: 1000 });
 */
export class OneCycleLR extends CycledLR {
  readonly totalSteps: number;
  private readonly limits: readonly Limits[];
  private readonly phases: readonly Phase[];
  private readonly anneal: (a: number, b: number, t: number) => number;

  /** @param args maxLr and options */
  constructor(optimizer: ScheduledOptimizer, ...args: Positional<OneCycleOptions, [maxLr: 'maxLr']>) {
    const name = 'OneCycleLR';
    super(name, optimizer);
    const o = optionsOf<OneCycleOptions>(name, args, ['maxLr'], [...known, ...knownToo]);
    this.totalSteps = stepsOf(o);
    const pctStart = checkNumber(name, 'pctStart', o.pctStart ?? 0.3, { min: 0, max: 1 });
    const strategy = checkChoice(name, 'annealStrategy', o.annealStrategy, ['cos', 'linear'], 'cos');
    this.anneal = strategy === 'cos' ? cosine : linear;
    const threePhase = checkFlag(name, 'threePhase', o.threePhase, false);
    this.phases = phasesOf(pctStart * this.totalSteps, this.totalSteps, threePhase);
    const divFactor = checkNumber(name, 'divFactor', o.divFactor ?? 25, { min: 0, open: true });
    const finalDivFactor = checkNumber(name, 'finalDivFactor', o.finalDivFactor ?? 1e4, { min: 0, open: true });
    const peak = perGroup<unknown>(name, 'maxLr', o.maxLr, this._groups).map((rate) =>
      checkNumber(name, 'maxLr', rate, { min: 0 }),
    );
    this.limits = peak.map((rate) => ({
      first: rate / divFactor,
      peak: rate,
      last: rate / divFactor / finalDivFactor,
    }));
    this.cycleMomentum(o, { base: 0.85, max: 0.95 });
    this.baseLrs = this.limits.map(({ first }) => first);
    this._groups.forEach((group, i) => {
      group.initialLr = this.baseLrs[i] as number;
    });
    this.begin();
  }

  getLr(): number[] {
    if (this.lastEpoch > this.totalSteps) {
      throw new StateError(`OneCycleLR: all ${this.totalSteps} steps have been made; give more totalSteps`);
    }
    this.setMomenta();
    const { phase, part } = this.place();
    return this.limits.map((limits) => this.anneal(limits[phase.from], limits[phase.to], part));
  }

  // The phase of step `lastEpoch`, and the fraction of it that is over.
  private place(): { phase: Phase; part: number } {
    const { lastEpoch, phases } = this;
    const index = phases.findIndex((phase, i) => lastEpoch <= phase.end || i === phases.length - 1);
    const phase = phases[index] as Phase;
    const start = phases[index - 1]?.end ?? 0;
    return { phase, part: phase.end === start ? 1 : (lastEpoch - start) / (phase.end - start) };
  }

  protected momentumNow(): (limits: MomentumLimits) => number {
    const { phase, part } = this.place();
    const [from, to] = phase.momentum;
    return (limits) => this.anneal(limits[from], limits[to], part);
  }
}

function phasesOf(rising: number, total: number, threePhase: boolean): Phase[] {
  const up: Phase = { end: rising - 1, from: 'first', to: 'peak', momentum: ['max', 'base'] };
  if (!threePhase) return [up, { end: total - 1, from: 'peak', to: 'last', momentum: ['base', 'max'] }];
  return [
    up,
    { end: 2 * rising - 2, from: 'peak', to: 'first', momentum: ['base', 'max'] },
    { end: total - 1, from: 'first', to: 'last', momentum: ['max', 'max'] },
  ];
}
