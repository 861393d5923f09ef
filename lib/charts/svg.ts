// From ECharts' SVG to one that stands alone or in a page.
import { createHash } from 'node:crypto';
import { darkRules, escapeText, legal } from './theme.js';

/**
 * ECharts' SVG with a title for screen readers, without what only its scripts use, and without style attributes, which a page
 * with a strict policy ignores. Names of clip paths are made from the content: those of a page's charts must differ.
 */
export function tidy(svg: string, title: string): string {
  const bare = legal(svg)
    .replace(/<style ?><!\[CDATA\[[^\]]*\]\]>\s*<\/style>/g, '')
    .replace(
      / (?:class="zr[^"]*"|ecmeta_\w+="[^"]*"|pointer-events="[^"]*"|xmlns:xlink="[^"]*"|baseProfile="full")/g,
      '',
    )
    .replace(/<image /g, '<image preserveAspectRatio="none" ')
    .replace(/ style="([^"]*)"/g, (_, style: string) => attributes(style))
    .replace(/<path [^>]*fill-opacity="0"[^>]*stroke-width="0"[^>]*><\/path>\n?/g, '')
    .replace(/<rect width="\d+" height="\d+" x="0" y="0" fill="none"><\/rect>\n?/, '');
  const mark = createHash('sha256')
    .update(bare.replace(/zr\d+-/g, ''))
    .digest('hex')
    .slice(0, 8);
  return named(bare.replace(/(id="|url\(#)zr\d+-/g, `$1c${mark}-`), title);
}

/** `font-size:12px;font-family:serif` as attributes. */
function attributes(style: string): string {
  const pairs = style.split(';').map((pair) => pair.split(':').map((part) => part.trim()));
  const known = pairs.filter(([name]) => name?.startsWith('font-'));
  return known.map(([name, value]) => ` ${name}="${value}"`).join('');
}

function named(svg: string, title: string): string {
  const label = escapeText(title);
  return svg.replace(/^<svg /, `<svg role="img" aria-label="${label}" `);
}

/** An SVG with rules for dark pages of its own, for a file. */
export function alone(svg: string): string {
  return svg.replace(/^(<svg [^>]*>)/, (start) => `${start}\n<style>${darkRules}</style>`);
}

/** The same without these rules, for a page that has them. */
export function within(svg: string): string {
  return svg.replace(`\n<style>${darkRules}</style>`, '');
}

/** The width and height of an SVG made here. */
export function sizeOf(svg: string): [number, number] {
  const [, width, height] = /^<svg [^>]*?width="([\d.]+)" height="([\d.]+)"/.exec(svg) ?? [];
  return [Number(width), Number(height)];
}
