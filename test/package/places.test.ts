// The examples of CONTRIBUTING.md fit the project as it is, and touch few places. `npm run test:places` builds them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { contentsWith, examplesIn, linesOf, placesOf, withBlock } from '../../scripts/places/examples.mjs';
import { readPage, root } from '../support/pages.js';

const examples = examplesIn(readPage('CONTRIBUTING.md'));
const read = (file: string) => (existsSync(join(root, file)) ? readPage(file) : undefined);

it.each([
  ['Adding an op', 4, 40],
  ['Adding a family', 6, 60],
  ['Adding a layer', 2, 60],
  ['Adding an optimizer', 3, 70],
])('%s touches at most %i places and %i lines', (title, places, lines) => {
  const example = examples.find((e) => e.title === title)!;
  expect(placesOf(example).length).toBeGreaterThan(1);
  expect(placesOf(example).length).toBeLessThanOrEqual(places);
  expect(linesOf(example)).toBeLessThanOrEqual(lines);
});

it('each block has its place in the project', () => {
  const contents = contentsWith(examples, read);
  expect(contents.size).toBeGreaterThan(8);
  for (const [file, content] of contents) expect(content).not.toBe(read(file));
});

const page = `# Page

## Adding x

\`\`\`ts
// lib/a.ts, after \`one,\`
two,
\`\`\`

\`\`\`ts
// test/a.test.ts, new
it('x');
\`\`\`

\`\`\`ts
const isNoExample = true;
\`\`\`

## No example
`;

it('a block is put where its first line says', () => {
  const [example, ...more] = examplesIn(page);
  expect(more).toEqual([]);
  expect(placesOf(example!)).toEqual(['lib/a.ts']);
  expect(linesOf(example!)).toBe(1);
  const contentOf = (file: string) => (file === 'lib/a.ts' ? 'f(one, three);\n' : undefined);
  expect([...contentsWith(examplesIn(page), contentOf)]).toEqual([
    ['lib/a.ts', 'f(one, two, three);\n'],
    ['test/a.test.ts', "it('x');\n"],
  ]);
  const block = { file: 'a', anchor: 'b', text: 'x\n' };
  expect(withBlock('a\nb\nb\n', { ...block, where: 'after' })).toBe('a\nb\nx\nb\n');
  expect(withBlock('a\n  b\n', { ...block, where: 'before' })).toBe('a\nx\n\n  b\n');
});

it('a place that is gone, and a new file that exists, are errors', () => {
  expect(() => contentsWith(examplesIn(page), () => 'f(three)')).toThrow('lib/a.ts has no `one,`');
  expect(() => contentsWith(examplesIn(page), () => 'f(one, three)')).toThrow('test/a.test.ts is new');
});
