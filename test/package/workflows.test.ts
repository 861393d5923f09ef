import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = `${root}.github/workflows/`;
const workflows = readdirSync(folder).map((name) => ({ name, text: readFileSync(folder + name, 'utf8') }));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> };

/** The names of scripts that a workflow runs, with each value of its matrix in place of `${{ matrix.name }}`. */
function namedScripts(text: string): string[] {
  return [...text.matchAll(/npm run ([\w:-]+)(\$\{\{ matrix\.(\w+) \}\})?|npm (test)\b/g)].flatMap(
    ([, name = '', , variable, test]) => {
      if (test) return [test];
      if (!variable) return [name];
      const values = new RegExp(`^ +${variable}: \\[(.*)\\]$`, 'm').exec(text)?.[1] ?? '';
      return values.split(',').map((value) => name + value.trim());
    },
  );
}

it('finds scripts by their names and through a matrix', () => {
  const text = `  a: [x, y]\n- run: npm run lint\n- run: npm run test:\${{ matrix.a }}\n- run: npm test`;
  expect(namedScripts(text)).toEqual(['lint', 'test:x', 'test:y', 'test']);
});

it.each(workflows)('$name runs scripts of package.json and files that are here', ({ text }) => {
  expect(namedScripts(text).filter((name) => !(name in scripts))).toEqual([]);
  const files = [...text.matchAll(/node (scripts\/[\w./-]+)|run: (\.ci\/\w+)|uses: \.\/(\S+)/g)];
  expect(
    files.map(([, script, run, workflow]) => script ?? run ?? workflow).filter((f) => !existsSync(root + f)),
  ).toEqual([]);
});

// A tag can be moved to other code, which would then run with the rights of the job that publishes.
it.each(workflows)('$name pins each action of others by its commit and names the version', ({ text }) => {
  const used = [...text.matchAll(/^.*\buses:\s*(.*)$/gm)].map(([, action]) => action!);
  const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
  expect(used.filter((action) => !pinned.test(action) && !/^\.\/\.github\/workflows\/[\w.-]+$/.test(action))).toEqual(
    [],
  );
});

it.each(workflows)('$name gives each job a time limit and, by default, no right to write', ({ text }) => {
  const jobs = text
    .slice(text.indexOf('\njobs:'))
    .split(/^ {2}(?=[\w-]+:$)/m)
    .slice(1);
  expect(jobs.length).toBeGreaterThan(0);
  expect(jobs.filter((job) => !/timeout-minutes: \d+/.test(job) && !/^ {4}uses: /m.test(job))).toEqual([]);
  expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
});

it('the package holds a binary for each platform only after all tests have passed with it there', async () => {
  const { targets } = await import(new URL('../../scripts/prebuild/targets.mjs', import.meta.url).href);
  const { text } = workflows.find(({ name }) => name === 'package.yml') as (typeof workflows)[number];
  const jobs = new Map(text.split(/^ {2}(?=[\w-]+:$)/m).map((job) => [job.slice(0, job.indexOf(':')), job]));
  const platformsOf = (job: string) =>
    new Set([...(jobs.get(job) ?? '').matchAll(/- platform: (\S+)/g)].map((m) => m[1]));
  const tested = [...platformsOf('test-linux'), ...platformsOf('test-elsewhere')];
  expect([...platformsOf('build')].sort()).toEqual(Object.keys(targets).sort());
  expect(tested.sort()).toEqual(Object.keys(targets).sort());
  expect(jobs.get('pack')).toContain('needs: [test-linux, test-elsewhere, clone-macos]');
  expect(jobs.get('test-elsewhere')).toMatch(/codesign --verify[\s\S]*node scripts\/test\.mjs/);
});
