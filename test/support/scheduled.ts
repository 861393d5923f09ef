// The golden cases of learning-rate schedulers, and what makes and steps them.
import * as optim from '../../lib/optim/index.js';
import { readGolden } from './golden.js';

/** Schedulers of an optimizer, and the rates that PyTorch gives when they are made and after each step. */
export interface Case {
  optimizer: 'SGD' | 'Adam';
  options: { lr: number };
  groups: { lr?: number }[];
  schedulers: { name: string; options: object }[];
  milestones: number[] | null;
  metrics: (number | string)[] | null;
  rates: number[][];
  momenta: number[][] | null;
}
export const { cases } = readGolden<{ cases: Case[] }>('schedulers');

export type Stepper = {
  step(metric?: number): void;
  stateDict(): optim.SchedulerState;
  loadStateDict(state: optim.SchedulerState): void;
};
export type Group = { lr: number; momentum?: number; betas?: number[] };
const classes = optim as unknown as Record<string, new (...args: unknown[]) => Stepper>;
const decay = (step: number): number => 0.95 ** step;

/** The i-th of a case's schedulers, or the sequence of them, which counts as one. */
export function makeScheduler(c: Case, optimizer: optim.SGD | optim.Adam, i: number): Stepper {
  const make = ({ name, options }: Case['schedulers'][number]) =>
    Reflect.construct(classes[name] as never, [optimizer, name === 'LambdaLR' ? decay : options]) as Stepper;
  const { milestones } = c;
  if (milestones === null) return make(c.schedulers[i] as Case['schedulers'][number]);
  return new optim.SequentialLR(optimizer, c.schedulers.map(make) as never, { milestones }) as unknown as Stepper;
}

/** How many schedulers are stepped: a sequence is one. */
export const countOf = (c: Case): number => (c.milestones === null ? c.schedulers.length : 1);

/** The groups' learning rates. */
export const rates = (groups: Group[]): number[] => groups.map((g) => g.lr);

/** Step i of all of them. */
export const stepAll = (c: Case, schedulers: Stepper[], i: number): void => {
  for (const s of schedulers) s.step(c.metrics === null ? undefined : Number(c.metrics[i]));
};

/** A case in words. */
export const nameOf = (c: Case): string =>
  `${c.schedulers.map((s) => `${s.name} ${JSON.stringify(s.options)}`).join(c.milestones ? ' then ' : ' and ')} of ${c.optimizer}`;
