import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';

/** @type {Record<string, string>} */
const characters = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };

/** The values of attributes of a page. @param {string} text @param {string} names separated by | */
function attributes(text, names) {
  return Array.from(text.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, 'g')), (match) =>
    match[1].replace(/&(?:amp|lt|gt|quot|#39);/g, (name) => characters[name] ?? name),
  );
}

/**
 * Checks all pages of a folder: each link must lead to a file in the folder, by a path that works from disk, and to an
 * existing place in it. Links to other sites are not followed.
 * @param {string} folder
 */
export function checkLinks(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) === '.html');
  const pages = new Map(files.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]));
  const places = new Map(Array.from(pages, ([path, text]) => [path, new Set(attributes(text, 'id|name'))]));
  const broken = [];
  for (const [path, text] of pages) {
    for (const target of attributes(text, 'href|src')) {
      if (/^[a-z]+:/i.test(target) && !target.startsWith('file:')) continue;
      const [place, hash = ''] = target.split('#');
      const file = place === '' ? path : resolve(dirname(path), decodeURIComponent(place.split('?')[0]));
      const isInside = !place.startsWith('/') && !place.startsWith('file:') && !relative(folder, file).startsWith('..');
      const hasPlace = hash === '' || (places.get(file)?.has(decodeURIComponent(hash)) ?? true);
      if (!isInside || !existsSync(file) || !hasPlace) broken.push(`${relative(folder, path)}: ${target}`);
    }
  }
  return { pages: pages.size, broken };
}
