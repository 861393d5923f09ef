import { describe, expect, it } from 'vitest';
import { ArgumentError, StateError } from '../../lib/errors.js';
import { rl } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';

interface Recorded {
  state: number[];
  actions: number[];
  observations: number[][];
  rewards: number[];
  ends: [terminated: number, truncated: number][];
}

const { episodes } = readGolden<{ episodes: Record<'CartPole' | 'Acrobot' | 'MountainCar' | 'Pendulum', Recorded[]> }>(
  'rl',
);
const classes = { CartPole: rl.CartPole, Acrobot: rl.Acrobot, MountainCar: rl.MountainCar, Pendulum: rl.Pendulum };
const all = { ...classes, LunarLander: rl.LunarLander, ConnectFour: rl.ConnectFour };
const names = Object.keys(classes) as (keyof typeof classes)[];

describe.each(names)('%s', (name) => {
  it("goes step by step as Gymnasium's does", () => {
    const environment = new classes[name]();
    let worst = 0;
    for (const { state, actions, observations, rewards, ends } of episodes[name]) {
      environment.reset({ state });
      expect(environment.state).toEqual(state);
      for (const [i, action] of actions.entries()) {
        const step = environment.step(action);
        const want = observations[i] as number[];
        const errors = want.map((value, k) => Math.abs((step.observation[k] as number) - value));
        worst = Math.max(worst, ...errors, Math.abs(step.reward - (rewards[i] as number)));
        expect([Number(step.terminated), Number(step.truncated)]).toEqual(ends[i]);
      }
    }
    expect(worst).toBeLessThan(1e-6);
  });
});

it('a pole that is held up is cut after 500 steps', () => {
  const pole = new rl.CartPole();
  let [seen, steps] = [pole.reset({ seed: 1 }).observation, 0];
  while (pole.isRunning) {
    const [x, speed, angle, turning] = seen as unknown as [number, number, number, number];
    const step = pole.step(angle + 0.4 * turning + 0.05 * x + 0.1 * speed > 0 ? 1 : 0);
    expect([step.terminated, step.truncated]).toEqual([false, ++steps === 500]);
    seen = step.observation;
  }
  expect(steps).toBe(500);
});

describe.each(Object.entries(all))('%s', (_, Class) => {
  it('draws the same episodes from the same seed, and others from another', () => {
    const play = (seed: number) => {
      const environment = new Class();
      const seen = [Array.from(environment.reset({ seed }).observation)];
      for (let i = 0; i < 3; i++) seen.push(Array.from(environment.step(1).observation));
      return [...seen, Array.from(environment.reset().observation), environment.state];
    };
    expect(play(7)).toEqual(play(7));
    const others = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seed) => JSON.stringify(play(seed)));
    expect(new Set(others).size).toBeGreaterThan(2); // a coin decides who begins a game
  });

  it('refuses steps before reset and after the end, and wrong actions, which change nothing', () => {
    const environment = new Class();
    expect(() => environment.step(0)).toThrow(StateError);
    expect(() => environment.step(0)).toThrow(/\.step: call reset first$/);
    expect(() => environment.state).toThrow(StateError);
    environment.reset({ seed: 1 });
    const before = environment.state;
    const wrong: unknown[] = [-1, 0.5, 99, Number.NaN, null, undefined, 'left', [], [1, 2], [Number.NaN], {}];
    const isBox = environment.actionSpace.kind === 'box';
    for (const action of wrong.filter((one) => !(isBox && typeof one === 'number' && Number.isFinite(one)))) {
      expect(() => environment.step(action as number), String(action)).toThrow(ArgumentError);
    }
    expect(() => environment.reset({ state: [1] })).toThrow(/state must be \d+ numbers, got 1$/);
    expect(() => environment.reset({ seed: -1 })).toThrow(ArgumentError);
    expect(environment.state).toEqual(before);
    const plays = { next: 0 };
    const legal = () => (environment instanceof rl.ConnectFour ? (environment.legalActions[0] as number) : 0);
    for (let step = environment.step(legal()); !step.terminated && !step.truncated; plays.next++) {
      step = environment.step(legal());
    }
    expect(environment.isRunning).toBe(false);
    expect(() => environment.step(0)).toThrow(/\.step: the episode has ended; call reset to begin another$/);
    environment.reset();
    expect(environment.isRunning).toBe(true);
  });
});

describe('an environment', () => {
  it('cuts actions to their bounds, and episodes at maxSteps', () => {
    const [one, other] = [new rl.Pendulum({ maxSteps: 2 }), new rl.Pendulum()];
    for (const pendulum of [one, other]) pendulum.reset({ state: [1, 0] });
    expect(one.step([5])).toEqual(other.step(2));
    expect(one.step(0).truncated).toBe(true);
    expect(other.step(0).truncated).toBe(false);
    expect(() => new rl.Pendulum({ maxSteps: 0 })).toThrow(/maxSteps must be an integer of at least 1/);
  });

  const spaces = {
    observationSpace: { kind: 'box', shape: [1], low: [-1], high: [1] },
    actionSpace: { kind: 'discrete', n: 2 },
  } as const;
  const made = (more: object, options: object = spaces) =>
    new (class Own extends rl.Environment {
      constructor() {
        super(options as typeof spaces);
        Object.assign(this, more);
      }
      protected start() {
        return [0];
      }
      protected transition() {
        return { state: [1], reward: 0, terminated: false };
      }
    })();

  it('of a class of one’s own is checked', () => {
    const wide = made({ observe: () => [1, 2] });
    expect(() => wide.reset()).toThrow('Own.reset: what observe returns must be 1 numbers, got 2');
    const odd = made({ transition: () => ({ state: [1], reward: Number.NaN, terminated: false }) });
    odd.reset();
    expect(() => odd.step(1)).toThrow('Own.step: the reward that transition returns must be a finite number, got NaN');
    expect(odd.state).toEqual([0]);
    const fine = { state: [1], reward: 0, terminated: false };
    const told = 'what transition returns must be { state, reward, terminated }, got';
    const state = 'the state that transition returns must be';
    for (const [wrong, message] of [
      [null, `${told} null`],
      [undefined, `${told} undefined`],
      [3, `${told} 3`],
      [{ ...fine, state: [Number.NaN] }, `${state} finite numbers, got NaN at 0`],
      [{ ...fine, state: [Number.NEGATIVE_INFINITY] }, `${state} finite numbers, got -Infinity at 0`],
      [{ ...fine, state: ['1'] }, `${state} finite numbers, got "1" at 0`],
      [{ ...fine, state: new Array(1) }, `${state} finite numbers, got undefined at 0`],
      [{ ...fine, state: 'a' }, `${state} a list of finite numbers, got "a"`],
      [Promise.resolve(fine), `${state} a list of finite numbers, got undefined`],
      [{ ...fine, state: [1e39] }, 'what observe returns must be finite numbers of a float32, got 1e+39 at 0'],
      [{ ...fine, terminated: 'no' }, 'terminated, which transition returns, must be a boolean, got "no"'],
      [{ state: [1], reward: 0 }, 'terminated, which transition returns, must be a boolean, got undefined'],
      [{ ...fine, reward: '1' }, 'the reward that transition returns must be a finite number, got "1"'],
    ] as const) {
      const environment = made({ transition: () => wrong });
      environment.reset();
      expect(() => environment.step(1)).toThrow(`Own.step: ${message}`);
      expect([environment.state, environment.isRunning]).toEqual([[0], true]);
    }
    const starts = (state: unknown) => made({ start: () => state });
    expect(() => starts([Number.NaN]).reset()).toThrow(
      'Own.reset: the state that start returns must be finite numbers, got NaN at 0',
    );
    expect(() => starts(null).reset({ state: [1] })).toThrow(
      'Own.reset: the state that start returns must be a list of finite numbers, got null',
    );
    const blind = made({ observe: () => ['1'] });
    expect(() => blind.reset()).toThrow(
      'Own.reset: what observe returns must be finite numbers of a float32, got "1" at 0',
    );
    for (const wrong of [{}, { ...spaces, actionSpace: 2 }, { ...spaces, observationSpace: spaces.actionSpace }]) {
      expect(() => made({}, wrong)).toThrow(/^Own: \w+Space must be a space, such as .*, got/);
    }
    const narrow = { ...spaces, observationSpace: { ...spaces.observationSpace, shape: [2] } };
    expect(() => made({}, narrow)).toThrow(
      'observationSpace.low must have 2 numbers, one for each of shape [2], got 1',
    );
  });
});

describe('LunarLander', () => {
  const [x, y, vx, vy, angle, turning] = [0, 1, 2, 3, 4, 5];
  const at = (list: readonly number[], i: number) => list[i] as number;

  it('falls freely without engines, as a stone does', () => {
    const lander = new rl.LunarLander();
    lander.reset({ seed: 3 });
    const first = lander.state;
    const steps = 30;
    for (let i = 0; i < steps; i++) lander.step(0);
    const time = steps * 0.02;
    const last = lander.state;
    expect(at(last, vy)).toBeCloseTo(at(first, vy) - 10 * time, 9);
    expect(at(last, x)).toBeCloseTo(at(first, x) + at(first, vx) * time, 9);
    // Euler's rule in steps of 2 ms is off by g · t · h / 2.
    expect(at(last, y)).toBeCloseTo(at(first, y) + at(first, vy) * time - 5 * time * time - (10 * time * 0.002) / 2, 9);
    expect(at(last, angle)).toBeCloseTo(at(first, angle) + at(first, turning) * time, 9);
  });

  it('stands when it is let down gently, and crashes otherwise', () => {
    const descend = (fastest: number) => {
      const lander = new rl.LunarLander();
      lander.reset({ state: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0] });
      for (;;) {
        const step = lander.step(at(lander.state, vy) < -fastest ? 2 : 0);
        if (step.terminated || step.truncated) return step;
      }
    };
    const gentle = descend(0.5);
    expect([gentle.terminated, gentle.reward]).toEqual([true, 100]);
    expect(Array.from(gentle.observation.slice(6))).toEqual([1, 1]);
    const lander = new rl.LunarLander();
    lander.reset({ state: [0, 8, 0, 0, 0, 0, 0, 0, 0, 0] });
    let step = lander.step(0);
    while (!step.terminated && !step.truncated) step = lander.step(0);
    expect([step.terminated, step.reward]).toEqual([true, -100]);
  });

  it('pays the change of its potential, less the fuel', () => {
    const lander = new rl.LunarLander();
    const potential = (seen: Float32Array) => {
      const [a, b, c, d, e, , l, r] = Array.from(seen) as [number, number, number, number, number, number, number, number]; // biome-ignore format: one line
      return -100 * (Math.sqrt(a * a + b * b) + Math.sqrt(c * c + d * d) + Math.abs(e)) + 10 * (l + r);
    };
    let before = potential(lander.reset({ seed: 5 }).observation);
    let worst = 0;
    for (const [action, fuel] of [
      [0, 0],
      [1, 0.03],
      [2, 0.3],
      [3, 0.03],
      [2, 0.3],
    ] as const) {
      // biome-ignore format: a table
      const { observation, reward } = lander.step(action);
      const after = potential(observation);
      worst = Math.max(worst, Math.abs(after - before - fuel - reward));
      before = after;
    }
    expect(worst).toBeLessThan(1e-4);
  });
});

describe('ConnectFour', () => {
  const board = (...rows: string[]) => rows.flatMap((row) => [...row].map((c) => ({ x: 1, o: -1 })[c] ?? 0));

  it('ends with four in a line, and with a full board', () => {
    const wins: [number, number[]][] = [
      [3, board('.......', '.......', '.......', '.......', 'ooo....', 'xxx....')],
      [0, board('.......', '.......', '.......', 'x......', 'xo.....', 'xoo....')],
      [3, board('.......', '.......', '.......', '..xo...', '.xoo...', 'xoxxo..')],
      [3, board('.......', '.......', '.......', '...xx..', '...oox.', '...xoox')],
      [2, board('.......', '.......', '.......', '.......', '.......', '...xxxo')],
    ];
    for (const [column, state] of wins) {
      const game = new rl.ConnectFour();
      game.reset({ seed: 1, state });
      const { reward, terminated } = game.step(column);
      expect([column, reward, terminated]).toEqual([column, 1, true]);
    }
    const game = new rl.ConnectFour({ opponent: 'greedy' });
    game.reset({ state: board('.......', '.......', '.......', '.......', 'x......', 'oooxx..') });
    expect(game.step(0)).toMatchObject({ reward: 0, terminated: false }); // it has prevented a win at 5, or must not have
    game.reset({ state: board('.......', '.......', '.......', '.......', '.......', '.ooo...') });
    expect(game.step(0)).toMatchObject({ reward: -1, terminated: true });
    game.reset({ state: board('.oxxoxo', 'xxoooxx', 'ooxxxoo', 'xxoooxx', 'ooxxxoo', 'xxoooxx') });
    expect(game.step(0)).toMatchObject({ reward: 0, terminated: true });
  });

  it('finds the same wins as a search of all lines', () => {
    const lines: number[][] = [];
    for (let row = 0; row < 6; row++) {
      for (let column = 0; column < 7; column++) {
        for (const [down, right] of [
          [0, 1],
          [1, 0],
          [1, 1],
          [1, -1],
        ] as const) {
          // biome-ignore format: a table
          const line = [0, 1, 2, 3].map((i) => [row + i * down, column + i * right] as const);
          if (line.every(([r, c]) => r < 6 && c >= 0 && c < 7)) lines.push(line.map(([r, c]) => 7 * r + c));
        }
      }
    }
    expect(lines.length).toBe(69);
    const has = (state: number[], disc: number) => lines.some((line) => line.every((cell) => state[cell] === disc));
    const game = new rl.ConnectFour();
    let random = 1;
    const counts = { 1: 0, '-1': 0, 0: 0 };
    for (let seed = 0; seed < 60; seed++) {
      game.reset({ seed });
      for (;;) {
        random = (random * 16807) % 2147483647;
        const open = game.legalActions;
        const { reward, terminated, observation } = game.step(open[random % open.length] as number);
        const { state } = game;
        expect([has(state, 1), has(state, -1)]).toEqual([reward === 1, reward === -1]);
        expect(Array.from(observation)).toEqual([...state.map((d) => +(d === 1)), ...state.map((d) => +(d === -1))]);
        if (terminated) {
          counts[reward as 0]++;
          break;
        }
        expect(state.includes(0)).toBe(true);
      }
    }
    expect(counts[1]).toBeGreaterThan(10);
    expect(counts['-1']).toBeGreaterThan(10);
  });

  it('refuses full columns, wrong boards and wrong opponents', () => {
    const game = new rl.ConnectFour();
    game.reset({ state: board('x......', 'o......', 'x......', 'o......', 'x......', 'o......') });
    expect(() => game.step(0)).toThrow(
      'ConnectFour.step: action must be a column that is not full (1,2,3,4,5,6), got 0',
    );
    expect(() => game.reset({ state: Array(42).fill(2) })).toThrow('state must be discs, 1, −1 and 0 for none, got 2');
    const floating = [1, ...Array(41).fill(0)];
    expect(() => game.reset({ state: floating })).toThrow('no disc over an empty cell, got one in cell 0');
    expect(game.state[0]).toBe(1);
    expect(() => new rl.ConnectFour({ opponent: 'perfect' as 'greedy' })).toThrow(/random, greedy or a function/);
    const cheat = new rl.ConnectFour({ opponent: () => 9 });
    expect(() => [cheat.reset({ seed: 1 }), cheat.reset({ seed: 2 }), cheat.step(0)]).toThrow(/opponent returns must not be full/); // biome-ignore format: one line
  });

  it('shows an opponent the board from its side', () => {
    const seen: number[][] = [];
    const game = new rl.ConnectFour({
      opponent: (given, columns) => {
        seen.push([...given]);
        return columns.at(-1) as number;
      },
    });
    game.reset({ state: board('.......', '.......', '.......', '.......', '.......', 'x......') });
    seen.length = 0; // it may have begun
    game.step(1);
    expect(seen).toEqual([board('.......', '.......', '.......', '.......', '.......', 'oo.....')]);
    expect(game.state[41]).toBe(-1);
  });
});
