import { ArgumentError, checkInteger, describe } from '../errors.js';
import { checkOptions } from '../options.js';
import { Environment, type Transition } from './environment.js';
import type { Random } from './random.js';

const [rows, columns] = [6, 7];
const cells = rows * columns;
const directions = [
  [0, 1],
  [1, 0],
  [1, 1],
  [1, -1],
] as const;

/**
 * Chooses a column: board has 42 numbers, row by row from the top, 1 for its own discs, −1 for the other's, 0 for none;
 * columns are those that are not full.
 */
export type Opponent = (board: readonly number[], columns: readonly number[], random: () => number) => number;

/** Options of {@link ConnectFour}. */
export interface ConnectFourOptions {
  /** random (default), greedy (wins if it can, else prevents a win, else at random), or a function. */
  opponent?: 'random' | 'greedy' | Opponent;
}

const free = (board: readonly number[]): number[] =>
  Array.from({ length: columns }, (_, column) => column).filter((column) => board[column] === 0);

/** The board after a disc has fallen, and where it lies. */
function dropped(board: readonly number[], column: number, disc: number): { board: number[]; cell: number } {
  const next = Array.from(board);
  let row = rows - 1;
  while (next[row * columns + column] !== 0) row--;
  const cell = row * columns + column;
  next[cell] = disc;
  return { board: next, cell };
}

/** Whether the disc in a cell is one of four in a line. */
function wins(board: readonly number[], cell: number): boolean {
  const [row, column] = [Math.floor(cell / columns), cell % columns];
  const disc = board[cell];
  return directions.some(([down, right]) => {
    let count = 1;
    for (const way of [-1, 1]) {
      for (let i = 1; i < 4; i++) {
        const [r, c] = [row + way * i * down, column + way * i * right];
        if (r < 0 || r >= rows || c < 0 || c >= columns || board[r * columns + c] !== disc) break;
        count++;
      }
    }
    return count >= 4;
  });
}

const oneOf = (list: readonly number[], random: Random): number => list[Math.floor(random() * list.length)] as number;
const winning = (board: readonly number[], disc: number, open: readonly number[]): number | undefined =>
  open.find((column) => {
    const after = dropped(board, column, disc);
    return wins(after.board, after.cell);
  });

const opponents: Record<'random' | 'greedy', Opponent> = {
  random: (_, open, random) => oneOf(open, random),
  greedy: (board, open, random) => winning(board, 1, open) ?? winning(board, -1, open) ?? oneOf(open, random),
};

/**
 * Connect four against an opponent: seven columns of six cells, and whoever has four in a line wins. What is seen, [2, 6, 7], are
 * one's own discs and the opponent's, row by row from the top; the action is a column that is not full. A win gives 1, a loss
 * −1, all else 0. A coin decides who begins; the opponent answers within a step. `state` holds 1 for own discs and −1 for the
 * opponent's.
 *
 * @example
 * const game = new rl.ConnectFour({ opponent: 'greedy' });
 * game.reset({ seed: 1 });
 * game.step(3).reward; // 0
 * game.legalActions.length; // 7
 */
export class ConnectFour extends Environment {
  readonly #opponent: Opponent;

  /** @throws ArgumentError for an opponent that is none */
  constructor(options?: ConnectFourOptions) {
    checkOptions('ConnectFour', options, ['opponent']);
    const shape = [2, rows, columns];
    const bounds = Array.from({ length: 2 * cells }, () => 0);
    super({
      observationSpace: { kind: 'box', shape, low: bounds, high: bounds.map(() => 1) },
      actionSpace: { kind: 'discrete', n: columns },
    });
    const { opponent = 'random' } = options ?? {};
    const chosen = typeof opponent === 'string' && Object.hasOwn(opponents, opponent) ? opponents[opponent] : opponent;
    if (typeof chosen !== 'function') {
      throw new ArgumentError(`ConnectFour: opponent must be random, greedy or a function, got ${describe(opponent)}`);
    }
    this.#opponent = chosen;
  }

  /** The columns that are not full. @throws StateError before the first reset */
  get legalActions(): number[] {
    return free(this.state);
  }

  protected start(random: Random): number[] {
    const board = Array.from({ length: cells }, () => 0);
    return random() < 0.5 ? board : this.#answer(board, random).board;
  }

  protected transition(state: readonly number[], action: number, random: Random): Transition {
    const open = free(state);
    if (!open.includes(action)) {
      throw new ArgumentError(`ConnectFour.step: action must be a column that is not full (${open}), got ${action}`);
    }
    const own = dropped(state, action, 1);
    if (wins(own.board, own.cell)) return { state: own.board, reward: 1, terminated: true };
    if (free(own.board).length === 0) return { state: own.board, reward: 0, terminated: true };
    const { board, cell } = this.#answer(own.board, random);
    const isLost = wins(board, cell);
    return { state: board, reward: isLost ? -1 : 0, terminated: isLost || free(board).length === 0 };
  }

  protected override observe(state: readonly number[]): number[] {
    return [...state.map((disc) => (disc > 0 ? 1 : 0)), ...state.map((disc) => (disc < 0 ? 1 : 0))];
  }

  protected override checkState(operation: string, given: unknown, count: number): number[] {
    const board = super.checkState(operation, given, count);
    for (const [cell, disc] of board.entries()) {
      if (![-1, 0, 1].includes(disc)) {
        throw new ArgumentError(`${operation}: state must be discs, 1, −1 and 0 for none, got ${disc}`);
      }
      const below = board[cell + columns];
      if (disc !== 0 && below === 0) {
        throw new ArgumentError(`${operation}: state must have no disc over an empty cell, got one in cell ${cell}`);
      }
    }
    return board;
  }

  #answer(board: readonly number[], random: Random): { board: number[]; cell: number } {
    const open = free(board);
    const theirs = board.map((disc) => (disc === 0 ? 0 : -disc));
    const column = checkInteger(
      'ConnectFour',
      'the column that opponent returns',
      this.#opponent(theirs, open, random),
    );
    if (!open.includes(column)) {
      const rule = `the column that opponent returns must not be full (${open})`;
      throw new ArgumentError(`ConnectFour: ${rule}, got ${column}`);
    }
    return dropped(board, column, -1);
  }
}
