// How a process that has survived a failure learns its new place from the launcher, `adjoint run --keep-survivors`.
import type { Store } from './store.js';

/** Keys by which a process asks for a place, and gets it. */
export const seatOf = (agent: string, local: number | string, generation: number | string) => ({
  wanted: `${agent}/ranks/${local}/${generation}/wanted`,
  given: `${agent}/ranks/${local}/${generation}/given`,
});

/** The key that says that a generation is over, and why. */
export const regroupingOf = (generation: number | string): string => `regrouping/${generation}`;

/** @internal Waits for the place of this process in the next generation, and puts it into its environment. */
export async function takeSeat(store: Store, env: NodeJS.ProcessEnv, timeout: number): Promise<void> {
  const { wanted, given } = seatOf(`${env.ADJOINT_AGENT}`, `${env.LOCAL_RANK}`, `${env.ADJOINT_GENERATION}`);
  await store.set(wanted, '1');
  await store.wait([given], timeout);
  Object.assign(env, JSON.parse((await store.get(given)) as string));
}
