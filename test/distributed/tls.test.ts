import { connect as connectPlainly, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { describeRuns, freePort, resultsOf } from '../support/ranks.js';

interface Result {
  sums?: number[];
  message?: string;
}

const run = async (size: number, env: Record<string, string>): Promise<Result[]> =>
  (await resultsOf('tls', size, { timeout: 25_000, env: () => env })) as Result[];

describeRuns('connections with certificates', () => {
  it.each([2, 3])('of %i processes carry what plain ones do', { timeout: 60_000 }, async (size) => {
    for (const { sums } of await run(size, {})) expect(sums).toEqual(new Array(6).fill(size));
  });

  it('show nothing of it: a token on the way to the store cannot be read', { timeout: 60_000 }, async () => {
    const [store, between] = [await freePort(), await freePort()];
    const heard: Buffer[] = [];
    const relay = createServer((socket) => {
      // Who comes before the store does is turned away at once, as the store's own port does.
      const onwards = connectPlainly(store, '127.0.0.1').on('error', () => socket.destroy());
      socket.on('error', () => {}).on('data', (chunk) => heard.push(chunk));
      socket.pipe(onwards).pipe(socket);
    });
    await new Promise<void>((resolve) => relay.listen(between, '127.0.0.1', resolve));
    const results = (await resultsOf('tls', 2, {
      timeout: 25_000,
      env: (rank) => ({ MASTER_PORT: `${rank === 0 ? store : between}`, ADJOINT_TOKEN: 'secret of this run' }),
    })) as Result[];
    relay.close();
    expect(results.map(({ message }) => message)).toEqual([undefined, undefined]);
    const bytes = Buffer.concat(heard);
    expect(bytes.length).toBeGreaterThan(500);
    expect(bytes[0]).toBe(22); // a handshake of TLS
    for (const word of ['secret', 'token', 'places', 'world']) expect(bytes.includes(word)).toBe(false);
  });

  it('are refused to another authority, and to nobody by name', { timeout: 60_000 }, async () => {
    const [first, second] = (await run(2, { WRONG: '1', TIMEOUT: '1500' })) as [Result, Result];
    expect(second.message).toMatch(/must show a certificate that tls\.ca has signed, got \w+/);
    expect(first.message).toMatch(/rank 1 must come within 1500 ms/);
  });

  it('are not mixed with plain ones', { timeout: 60_000 }, async () => {
    const [first, second] = (await run(2, { PLAIN: '1', TIMEOUT: '1500' })) as [Result, Result];
    expect(second.message).toMatch(
      /must answer within \d+ ms, got (no answer|ECONNREFUSED); .* have all processes tls or none/,
    );
    expect(first.message).toMatch(/rank 1 must come within 1500 ms/);
  });
});
