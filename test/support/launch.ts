// Runs of `adjoint run`, in processes of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const cli = fileURLToPath(new URL('../../dist/cli-run.js', import.meta.url));
const folder = fileURLToPath(new URL('../fixtures/distributed/', import.meta.url));

/** An agent, and what it has written so far. */
export interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  out: string;
  err: string;
}

/** Starts `adjoint-run <options> fixtures/distributed/<program>.mjs <its arguments>`. */
export function launch(
  options: readonly string[],
  work: readonly string[],
  env: Record<string, string> = {},
): Launched {
  const [program, ...rest] = work;
  const args = [cli, ...options, join(folder, `${program}.mjs`), ...rest];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  const launched: Launched = { child, ended, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    launched.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    launched.err += text;
  });
  return launched;
}

/** Waits until something holds, at most 20 s. */
export async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !holds(); i++) await delay(20);
  expect(holds()).toBe(true);
}

/** What ranks have written as JSON, one line each. */
export const told = ({ out }: Launched): Record<string, unknown>[] =>
  [...out.matchAll(/^\[rank \d+\] (\{.*\})$/gm)].map((match) => JSON.parse(match[1] as string));

/** The processes that ranks have named, which still live. A stopped agent takes no note of those that have ended. */
export const living = (launched: Launched): number[] =>
  told(launched)
    .map(({ pid }) => Number(pid))
    .filter((pid) => {
      try {
        return !/ Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return false;
      }
    });
