import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributed } from 'adjoint';
import { afterEach, expect, it, vi } from 'vitest';
import { describeRuns } from '../support/ranks.js';

afterEach(() => vi.unstubAllEnvs());

const run = (variables: Record<string, string>): void => {
  const all = { RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: '29500', ...variables };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
};

describeRuns('what init is given wrongly is an ArgumentError that says so', () => {
  it.each([
    ['MASTER_PORT', '99999', 'MASTER_PORT must be an integer of at least 1 and at most 65535, got "99999"'],
    ['MASTER_ADDR', '', 'MASTER_ADDR must be set, got none'],
    ['RANK', '', 'RANK must be an integer of at least 0'],
    ['ADJOINT_TLS_CA', 'ca.pem', 'ADJOINT_TLS_KEY must be set as the others of its kind are, got none'],
    [
      'ADJOINT_ADDRESS',
      '192.0.2.1',
      /ADJOINT_ADDRESS must be an address of this machine \(.*127.0.0.1.*\), got "192.0.2.1"/,
    ],
    ['ADJOINT_TOKEN', 'x'.repeat(5000), 'token must have at most 512 characters, got 5000'],
  ])('%s', async (name, value, message) => {
    run({ [name]: value });
    await expect(distributed.init({ timeout: 200 })).rejects.toThrow(message);
  });

  it('certificates that are none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const file = join(folder, 'none.pem');
    writeFileSync(file, 'none');
    run({});
    const tls = { key: file, cert: file, ca: file };
    await expect(distributed.init({ timeout: 200, tls })).rejects.toThrow(/^distributed.init: tls must name PEM files/);
    rmSync(folder, { recursive: true });
  });

  it('a store whose folder is gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const store = new distributed.FileStore(folder);
    rmSync(folder, { recursive: true });
    await expect(store.set('a', 'b')).rejects.toThrow(/must be a folder that can be written, got ENOENT/);
    await expect(store.add('a', 1)).rejects.toThrow(/must be a folder that can be written, got ENOENT/);
  });
});
