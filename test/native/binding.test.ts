// The addon reads its arguments without running JavaScript, which could free what it has already looked up.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compile, memoryStats, mul, ones, type Tensor } from '../../lib/index.js';
import { native } from '../../lib/native.js';

it('setters that dispose a step while it is described harm nothing', () => {
  for (const key of ['kernel', 'spans', 'dtype', 'groups', 'constants']) {
    const step = compile((t: Tensor) => mul(t, 2).add(1).sum());
    step.sync(ones([100]));
    let calls = 0;
    Object.defineProperty(Object.prototype, key, {
      configurable: true,
      set(this: object, value: unknown) {
        Object.defineProperty(this, key, { value, enumerable: true });
        if (calls++ === 0) step.dispose();
        ones([100]).dispose(); // what was freed is used again
      },
    });
    try {
      expect(() => step.describe()).toThrow('compile: the step was disposed');
    } finally {
      Reflect.deleteProperty(Object.prototype, key);
    }
    expect(calls).toBeGreaterThan(0);
  }
});

it('npm run lint refuses conversions in native/binding', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-lint-'));
  const lint = () => spawnSync(process.execPath, ['scripts/lint-binding.mjs', folder], { encoding: 'utf8' });
  try {
    writeFileSync(join(folder, 'good.cc'), '// ToNumber() is not used\nconst int a = smallIntegerOf(info, 0);\n');
    expect(lint().status).toBe(0);
    const wrong = [
      'info[0].ToNumber().Uint32Value()',
      'info[0].ToBoolean()',
      'info[0].ToString().Utf8Value()',
      'napi_coerce_to_number(env, value, &number)',
      'info[0].As<Napi::Array>()',
      'list.Get(i)',
      'napi_get_element(env, list, 0, &value)',
      'napi_get_named_property(env, object, "x", &value)',
    ];
    writeFileSync(join(folder, 'wrong.cc'), wrong.join('\n'));
    const { status, stdout } = lint();
    expect(status).toBe(1);
    expect(stdout.match(/^wrong\.cc:\d+: /gm)).toEqual(wrong.map((_, i) => `wrong.cc:${i + 1}: `));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

// Last: nothing can be recorded beside what noteModule is given here.
it('no export converts an argument or reads a property of one', () => {
  let tripped = '';
  let name = '';
  const trip = (how: string) => (): never => {
    tripped += `${name}: ${how}\n`;
    throw new Error(how);
  };
  const value = { valueOf: trip('valueOf'), toString: trip('toString'), [Symbol.toPrimitive]: trip('toPrimitive') };
  const list = Object.defineProperty([1, 2], 0, { get: trip('getter') });
  const proxy = new Proxy([1], { get: trip('get'), getOwnPropertyDescriptor: trip('descriptor'), has: trip('has') });
  const runner = native.runnerCreate(0);
  const x = ones([4]);
  native.recordBegin(Int32Array.of(x.handle));
  native.recordEnd(Int32Array.of(x.handle));
  native.programAdd(runner, Int32Array.of());
  const { limitBytes } = memoryStats();
  const threads = native.getThreads();
  let state = 1;
  const pick = <T>(from: readonly T[]): T => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return from[Math.floor((state / 2 ** 32) * from.length)] as T;
  };
  const fitting = [x.handle, x.handle, 0, 1, true, runner, runner, new Float32Array(4), Int32Array.of(x.handle)];
  const odd = [value, value, list, proxy];
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // traces of tens of thousands of errors take seconds
  const entries = { ...native, ...native.kernels } as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const [entry, call] of Object.entries(entries)) {
    // Some take away what the others are called with, and read nothing but a runner or a handle; noteModule is called afterwards.
    const left = ['runnerDispose', 'release', 'programDrop', 'noteModule'];
    if (typeof call !== 'function' || left.includes(entry)) continue;
    name = entry;
    const calls = entry === 'sweep' ? 10 : entry in native.kernels ? 20 : 300; // sweep collects all garbage
    for (let i = 0; i < calls; i++) {
      const args = Array.from({ length: 1 + (i % 5) }, () => pick(i % 3 === 0 ? odd : [...fitting, pick(odd)]));
      try {
        call(...args);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
      native.limitMemory(limitBytes);
      native.setThreads(threads);
    }
  }
  Error.stackTraceLimit = stackTraceLimit;
  name = 'noteModule'; // it keeps what it is given
  for (const object of odd) native.noteModule(object as object);
  expect(tripped).toBe('');
  native.recordUndo();
  native.runnerDispose(runner);
});
