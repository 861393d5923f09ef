// What the pages of `npm run docs` are made of. Writing them takes a minute: CI does it beside the tests, and a warning or a broken
// link is an error there.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkLinks } from '../../scripts/docs/links.mjs';
import { readPage } from '../support/pages.js';

it('a link must lead to a page of the folder, by a path that works from disk, and to a place that is there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-links-'));
  try {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(
      join(folder, 'index.html'),
      `<h1 id="top"></h1><a href="#top"></a><a href="sub/a%20b.html?q=1#x"></a><a href="https://nodejs.org/x"></a>
       <a href="#bottom"></a><a href="gone.html"></a><a href="sub/a b.html#y"></a><a href="/sub/a b.html"></a>
       <img src="../outside.png"><a href="file:///sub"></a>`,
    );
    writeFileSync(join(folder, 'sub', 'a b.html'), '<p id="x"></p><a href="../index.html#top"></a>');
    expect(checkLinks(folder)).toEqual({
      pages: 2,
      broken: ['#bottom', 'gone.html', 'sub/a b.html#y', '/sub/a b.html', '../outside.png', 'file:///sub'].map(
        (target) => `index.html: ${target}`,
      ),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('the picture of architecture.md says what its source says', () => {
  const labels = [...readPage('docs/architecture.mmd').matchAll(/"([^"{}]+)"\]?(?:\||$)|\|([^"|]+)\|/gm)];
  const words = labels.flatMap((match) => (match[1] ?? (match[2] as string)).split(' '));
  const shown = readPage('docs/architecture.svg').replace(/<[^>]*>/g, ' ');
  expect(words.length).toBeGreaterThan(50);
  expect(words.filter((word) => !shown.includes(word))).toEqual([]);
});
