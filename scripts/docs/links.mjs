import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';

const namesOf = (text) => new Set(Array.from(text.matchAll(/\s(?:id|name)="([^"]*)"/g), (match) => decode(match[1])));
const targetsOf = (text) => Array.from(text.matchAll(/\s(?:href|src)="([^"]*)"/g), (match) => decode(match[1]));
const decode = (text) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name]);

/**
 * Looks through all pages of a folder: each link must lead to a file of the folder, by a path that works from disk, and to a
 * place that is there. Links to other sites are not followed.
 */
export function checkLinks(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) === '.html');
  const pages = new Map(files.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]));
  const names = new Map(Array.from(pages, ([path, text]) => [path, namesOf(text)]));
  const broken = [];
  for (const [path, text] of pages) {
    for (const target of targetsOf(text)) {
      if (/^[a-z]+:/i.test(target) && !target.startsWith('file:')) continue;
      const [place, hash = ''] = target.split('#');
      const file = place === '' ? path : resolve(dirname(path), decodeURIComponent(place.split('?')[0]));
      const isInside = !place.startsWith('/') && !place.startsWith('file:') && !relative(folder, file).startsWith('..');
      const isThere = isInside && existsSync(file);
      const hasPlace = hash === '' || !names.has(file) || names.get(file).has(decodeURIComponent(hash));
      if (!isThere || !hasPlace) broken.push(`${relative(folder, path)}: ${target}`);
    }
  }
  return { pages: pages.size, broken };
}
