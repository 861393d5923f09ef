// The slow checks of the whole process: `npm run soak`, or a part of it: `npm run soak -- memory`,
// `compile`, `exit`, `fuzz`, `calls`, `sequences`, `failures`, `files`, `tables`, `kills`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  endings,
  fuzz,
  hostileFiles,
  killWhileSaving,
  randomCalls,
  runFixture,
  tryEnding,
} from '../test/fixtures/children.mjs';
import { fillFileSystem, killWhileTraining } from '../test/fixtures/kills.mjs';
import { differencesFromEager, workloads } from '../test/fixtures/workloads.mjs';

const repetitions = 50;
const fuzzCalls = 100_000;
const publicCalls = 100_000;
const replays = 1_000_000;
const damagedFiles = 10_000;
const trainingKills = 200;
const hour = 3_600_000;
let failures = 0;

function report(name, wrong) {
  if (wrong !== null) failures += 1;
  console.log(`${wrong === null ? 'ok  ' : 'FAIL'} ${name}${wrong === null ? '' : `\n     ${wrong}`}`);
}

async function soakEndings() {
  for (const name of Object.keys(endings)) {
    const wrong = [];
    for (let i = 0; i < repetitions; i++) {
      const result = await tryEnding(name);
      if (result !== null) wrong.push(result);
    }
    report(
      `${name}, ${repetitions} times`,
      wrong.length === 0 ? null : `${wrong.length} times wrong, first: ${wrong[0]}`,
    );
  }
}

async function memoryOf(mode, count) {
  const { code, output, errors } = await runFixture('memory.mjs', [mode, `${count}`], { timeoutMs: hour });
  if (code !== 0) return { error: `exit code ${code}: ${errors}` };
  const result = JSON.parse(output);
  console.log(
    `     resident MB over ${count} steps: ${result.rss.join(' ')}; native peak ${Math.round(result.peakBytes / 1e6)} MB`,
  );
  return result;
}

/** Samples of the resident memory, in MB: the second half must not exceed the quarter before it by 5 % + 5 MB. */
function isFlat(rss) {
  const [early, late] = [rss.slice(rss.length / 4, rss.length / 2), rss.slice(rss.length / 2)];
  return Math.max(...late) <= Math.max(...early) * 1.05 + 5;
}

/** 784-128-10, batch 64: flat after a warm-up of a quarter, and small. */
async function soakSteps() {
  const { error, rss } = await memoryOf('steps', 20_000);
  if (error) return report('20,000 training steps', error);
  const good = isFlat(rss) && Math.max(...rss.slice(rss.length / 2)) < 250;
  report('20,000 training steps in flat memory under 250 MB', good ? null : `resident MB: ${rss.join(' ')}`);
}

/** Native peak at most twice the largest live memory of a step (in MB) + 256 MB. */
async function soakLarge(mode, live) {
  const { error, peakBytes } = await memoryOf(mode, 200);
  const name = `200 steps of 400 MB each, ${live} MB live (${mode})`;
  if (error) return report(name, error);
  const most = 2 * live + 256;
  report(name, peakBytes / 1e6 <= most ? null : `native peak ${Math.round(peakBytes / 1e6)} MB, more than ${most}`);
}

async function soakMemory() {
  await soakSteps();
  await soakLarge('large', 120); // the input, the tensor before and the one being made
  await soakLarge('hoarding', 440);
}

/** A third each by step.sync, by awaiting each step, and by step.run. */
async function soakReplays() {
  const flags = ['--expose-gc'];
  const { code, output, errors } = await runFixture('replays.mjs', [`${replays}`], { timeoutMs: hour, flags });
  if (code !== 0) return report(`${replays} replays of W1`, `exit code ${code}: ${errors}`);
  const { rss, before, after, resources } = JSON.parse(output);
  for (const [way, megabytes] of Object.entries(rss)) {
    console.log(`     resident MB, ${way}: ${megabytes.join(' ')}`);
    report(`${Math.round(replays / 3)} replays of W1 in flat memory (${way})`, isFlat(megabytes) ? null : 'it grows');
  }
  const kept = after === before && resources.length === 0;
  const wrong = `${before} tensors before, ${after} after; handles of the event loop: ${resources.join(', ') || 'none'}`;
  report(`${replays} replays of W1 leave nothing behind`, kept ? null : wrong);
}

async function soakCompile() {
  await soakReplays();
  for (const threads of [1, 2]) {
    for (const name of workloads) {
      const found = await differencesFromEager(name, 200, threads);
      const wrong = found.length === 0 ? null : found.slice(0, 5).join('; ');
      report(`200 steps of ${name}, ${threads} threads, compiled as eager bit for bit`, wrong);
    }
  }
}

async function soakFuzz() {
  const { wrong, counts } = await fuzz(2, fuzzCalls, { timeoutMs: hour });
  for (const [name, { ok, fault, error }] of Object.entries(counts)) {
    console.log(`     ${name}: ${ok} calls ran, ${fault} found a value out of range, ${error} were refused`);
  }
  report(`${fuzzCalls} random calls of each native entry`, wrong);
}

/** Test files that do more when the environment says so. */
function soakTests(name, files, environment) {
  const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [vitest, 'run', `--testTimeout=${hour}`, ...files], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  report(name, status === 0 ? null : `exit code ${status}, see above`);
}

function soakSequences() {
  const name = '500 random sequences of calls, compiled as eager bit for bit';
  soakTests(name, ['test/program/sequences.test.ts'], { ADJOINT_SEQUENCES: '500' });
}

function soakFailures() {
  const name = '1,000 rounds of each call that fails or is aborted leave everything as it was';
  const parts = ['calls/failing-calls', 'program/failures', 'program/replays', 'program/refused'];
  const files = parts.map((part) => `test/${part}.test.ts`);
  soakTests(name, files, { ADJOINT_ROUNDS: '1000' });
}

/** A reader on files that are damaged by chance or demand much, in a heap of so many MB. */
async function soakHostile(what, fixture, args, heap = 300) {
  const { cases, slowest, wrong, residentMB } = await hostileFiles(args, { timeoutMs: hour, fixture, heap });
  console.log(
    `     slowest: ${slowest[0]}, ${slowest[1]} ms${residentMB === undefined ? '' : `; resident ${residentMB} MB`}`,
  );
  const text = wrong.length === 0 ? null : wrong.slice(0, 5).join('; ');
  report(`hostile ${what} (${args.join(' ')}), ${cases} cases`, text);
}

/** Tensors and arrays; checkpoints and models, 10,000 of each; saves that are killed. */
async function soakFiles() {
  for (const args of [['damage', '2', `${damagedFiles}`], ['bombs', '94000000'], ['irregular']]) {
    await soakHostile('files', 'hostile-files.mjs', args);
  }
  for (const format of ['index', 'pt', 'legacy', 'script', 'pt2', 'npy', 'npz', 'tfjs', 'onnx', 'adapter'])
    await soakHostile('files', 'hostile-formats.mjs', [format, '2', `${damagedFiles}`]);
  await soakHostile('checkpoints and models', 'hostile-checkpoints.mjs', ['damage', '2', `${5 * damagedFiles}`]); // of five kinds, one of them models
  await soakHostile('checkpoints and models', 'hostile-checkpoints.mjs', ['bombs', '16000000'], 500);
  report(`a save killed ${repetitions} times leaves a whole file`, await killWhileSaving(repetitions));
}

/** CSV files, JSON lines and saved features. */
async function soakTables() {
  await soakHostile('tables', 'hostile-tables.mjs', ['damage', '2', `${damagedFiles}`]);
  await soakHostile('tables', 'hostile-tables.mjs', ['bombs', '16000000']);
}

/** A training that is killed while it saves goes on bit for bit from its newest checkpoint; so does one whose disk is full. */
async function soakKills() {
  report(
    `a training killed ${trainingKills} times, and a full disk, end as without`,
    await killWhileTraining(trainingKills),
  );
  report('a training that fills a file system goes on, its checkpoints whole', await fillFileSystem());
}

/** Each process runs a part, with a seed of its own. */
async function soakCalls() {
  const processes = 20;
  const counts = { passed: 0, refused: 0 };
  const wrong = [];
  for (let seed = 1; seed <= processes; seed++) {
    const result = await randomCalls(seed, publicCalls / processes, { timeoutMs: hour });
    if (result.wrong !== null) wrong.push(result.wrong);
    counts.passed += result.counts.passed;
    counts.refused += result.counts.refused;
  }
  console.log(`     ${counts.passed} calls ran, ${counts.refused} were refused`);
  report(`${publicCalls} random calls of the public API`, wrong.length === 0 ? null : wrong.join('\n     '));
}

const parts = {
  ...{ memory: soakMemory, compile: soakCompile, exit: soakEndings, fuzz: soakFuzz, calls: soakCalls },
  ...{ sequences: soakSequences, failures: soakFailures, files: soakFiles, tables: soakTables, kills: soakKills },
};
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`soak: unknown part ${unknown[0]}; known are ${Object.keys(parts).join(', ')}`);
  process.exit(1);
}
for (const [name, part] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await part();
process.exitCode = failures === 0 ? 0 : 1;
