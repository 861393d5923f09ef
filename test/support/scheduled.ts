// The golden cases of learning-rate schedulers, and what makes and steps them.
import type * as optim from '../../lib/optim/index.js';
import * as lrScheduler from '../../lib/optim/lr-scheduler.js';
import { SWALR } from '../../lib/optim/swa-utils.js';
import { readGolden } from './golden.js';

/** Schedulers of an optimizer, and the rates that PyTorch gives when they are made and after each step. */
export interface Case {
  optimizer: 'SGD' | 'Adam';
  options: { lr: number };
  groups: { lr?: number }[];
  schedulers: { name: string; options: Record<string, unknown> }[];
  milestones: number[] | null;
  chained: boolean;
  given: (number | string)[] | null;
  rates: number[][];
  momenta: number[][] | null;
}
export const { cases } = readGolden<{ cases: Case[] }>('schedulers');

export type Stepper = {
  step(given?: number): void;
  stateDict(): lrScheduler.SchedulerState;
  loadStateDict(state: lrScheduler.SchedulerState): void;
};
export type Group = { lr: number; momentum?: number; betas?: number[] };
const classes = { ...lrScheduler, SWALR } as unknown as Record<string, new (...args: unknown[]) => Stepper>;
const functions: Record<string, (step: number) => number> = {
  power: (step) => 0.95 ** step,
  alternating: (step) => (step % 3 === 0 ? 1.02 : 0.9),
};

/** What PyTorch's users pass without a keyword, in order. */
const positions: Record<string, string[]> = {
  StepLR: ['stepSize', 'gamma'],
  MultiStepLR: ['milestones', 'gamma'],
  ExponentialLR: ['gamma'],
  ConstantLR: ['factor', 'totalIters'],
  LinearLR: ['startFactor', 'endFactor', 'totalIters'],
  PolynomialLR: ['totalIters', 'power'],
  CosineAnnealingLR: ['tMax', 'etaMin'],
  CosineAnnealingWarmRestarts: ['t0', 'tMult', 'etaMin'],
  CyclicLR: ['baseLr', 'maxLr'],
  OneCycleLR: ['maxLr'],
  SWALR: ['swaLr', 'annealEpochs', 'annealStrategy'],
  LambdaLR: ['lrLambda'],
  MultiplicativeLR: ['lrLambda'],
  ReduceLROnPlateau: ['mode', 'factor', 'patience'],
};

function argumentsOf({ name, options }: Case['schedulers'][number], byPosition: boolean): unknown[] {
  const all: Record<string, unknown> = { ...options };
  for (const key of ['lrLambda', 'scaleFn']) if (key in all) all[key] = functions[all[key] as string];
  if (!byPosition) return [all];
  const given: unknown[] = [];
  for (const key of positions[name] as string[]) {
    if (!(key in all)) break;
    given.push(all[key]);
    delete all[key];
  }
  return Object.keys(all).length === 0 ? given : [...given, all];
}

/** The i-th of a case's schedulers, or what is made of all of them, which counts as one. */
export function makeScheduler(c: Case, optimizer: optim.SGD | optim.Adam, i: number, byPosition = false): Stepper {
  const make = (scheduler: Case['schedulers'][number]): Stepper =>
    Reflect.construct(classes[scheduler.name] as never, [optimizer, ...argumentsOf(scheduler, byPosition)]);
  const { milestones } = c;
  if (c.chained) return new lrScheduler.ChainedScheduler(c.schedulers.map(make) as never);
  if (milestones === null) return make(c.schedulers[i] as Case['schedulers'][number]);
  const sequence = byPosition ? milestones : { milestones };
  return new lrScheduler.SequentialLR(optimizer, c.schedulers.map(make) as never, sequence as number[]);
}

/** How many schedulers are stepped: a sequence is one. */
export const countOf = (c: Case): number => (c.milestones === null && !c.chained ? c.schedulers.length : 1);

/** The groups' learning rates. */
export const rates = (groups: Group[]): number[] => groups.map((g) => g.lr);

/** Step i of all of them. */
export const stepAll = (c: Case, schedulers: Stepper[], i: number): void => {
  for (const s of schedulers) s.step(c.given === null ? undefined : Number(c.given[i]));
};

/** A case in words. */
export const nameOf = (c: Case): string => {
  const join = c.chained ? ' with ' : c.milestones ? ' then ' : ' and ';
  return `${c.schedulers.map((s) => `${s.name} ${JSON.stringify(s.options)}`).join(join)} of ${c.optimizer}`;
};
