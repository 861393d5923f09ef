import { expect, it } from 'vitest';
import { fuzz } from '../fixtures/children.mjs';

// 100,000 calls of each entry: npm run soak -- fuzz
it('native entries answer random arguments with errors only', { timeout: 300_000 }, async () => {
  const { wrong, counts } = await fuzz(1, 600);
  expect(wrong).toBeNull();
  // The fuzzer must reach each kernel's own code, not only the door.
  const unreached = Object.keys(counts).filter((name) => counts[name]!.ok === 0);
  expect(unreached).toEqual(['allReduceEnd']); // needs a group of processes: test/distributed
});

// Windows has no signals: an aborted process has an exit code there.
const aborted = process.platform === 'win32' ? '\\d+' : 'SIGABRT';

it.each([
  ['plantedOverrun', /wrote beside a tensor/],
  ['plantedChange', /failed, but changed a tensor/],
  ['plantedText', /threw no prefix/],
  ['plantedCrash', new RegExp(`plantedCrash: ${aborted}; traced alone: ${aborted}, last call plantedCrash\\(`)],
])('the fuzzer finds %s', { timeout: 60_000 }, async (only, text) => {
  expect((await fuzz(1, 50, { only })).wrong).toMatch(text);
});
