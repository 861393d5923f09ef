// ONNX's own node tests on io.onnx.load.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as adjoint from '../../dist/adjoint.js';
import { runCase } from '../../test/fixtures/onnx-cases.mjs';
import { root } from '../steps.mjs';

/** All tests, or those whose names contain a word. @returns whether 97 % of those of operators that are known here pass */
export function checkNodes(words, python) {
  const folder = mkdtempSync(join(tmpdir(), 'onnx-'));
  const file = join(folder, 'cases.jsonl');
  const { status } = spawnSync(python, [join(root, 'test/golden/make_onnx.py'), 'all', file], { stdio: 'inherit' });
  if (status !== 0) return false;
  const cases = readFileSync(file, 'utf8').trim().split('\n');
  rmSync(folder, { recursive: true });

  const counts = { passed: 0, failed: 0, outside: 0 };
  const reasons = new Map();
  for (const line of cases) {
    const test = JSON.parse(line);
    if (words.length > 0 && !words.some((word) => test.name.includes(word))) continue;
    const { state, reason } = runCase(adjoint, test);
    counts[state]++;
    if (state === 'failed') console.log(`FAIL ${test.name}: ${reason}`);
    if (state === 'outside') {
      const why = /known here: (.*)/.exec(reason)?.[1].replace(/ \(.*?\)/g, '') ?? reason;
      reasons.set(why, (reasons.get(why) ?? 0) + 1);
    }
  }
  console.log('\nNot tried, because there is here no');
  for (const [why, count] of [...reasons].sort((a, b) => b[1] - a[1])) console.log(`  ${count} ${why}`);
  const share = counts.passed / (counts.passed + counts.failed);
  console.log(
    `\n${counts.passed} passed, ${counts.failed} failed (${(share * 100).toFixed(1)} %), ${counts.outside} not tried`,
  );
  return share >= 0.97;
}
