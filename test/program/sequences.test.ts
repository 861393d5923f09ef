// Random sequences of calls, compiled and eager: 20 of them, or as many as `npm run soak -- sequences` asks for.
import { expect, it } from 'vitest';
import { memoryStats } from '../../lib/index.js';
import { play } from '../support/sequences.js';
import { liveBytes } from '../support/world.js';

const count = Number(process.env.ADJOINT_SEQUENCES ?? 20);
/** `ADJOINT_SEED=17 ADJOINT_SEQUENCES=1 npm test -- sequences` plays the seventeenth again. */
const first = Number(process.env.ADJOINT_SEED ?? 1);
const patience = process.env.ADJOINT_CHECK ? 10 : 1;

it(`${count} sequences end as their eager twins`, { timeout: 20_000 * count * patience }, async () => {
  let before = 0;
  for (let seed = first; seed < first + count; seed++) {
    const made = new Map<number, number[]>();
    const compiled = await play(true, seed, made);
    const eager = await play(false, seed, made);
    expect(compiled, `sequence ${seed}`).toEqual(eager);
    if (seed === first + 4) before = await liveBytes();
  }
  if (count > 5) expect(await liveBytes()).toBeLessThan(before + 50_000);
  expect(memoryStats().limitBytes).toBeGreaterThan(2 ** 30);
});
