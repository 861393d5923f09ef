// Pieces of HTML.
import { createHash } from 'node:crypto';
import { formatNumber } from '../charts/frame.js';
import { within } from '../charts/svg.js';
import { darkRules, escapeText } from '../charts/theme.js';

/** HTML, as opposed to a text that has to be escaped. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

type Value = Html | string | number | undefined | readonly (Html | string)[];

/** A template of HTML, in which every value that is not HTML is escaped. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  const texts = values.map((value) => (Array.isArray(value) ? value.map(textOf).join('\n') : textOf(value as string)));
  return new Html(parts.map((part, i) => part + (texts[i] ?? '')).join(''));
}

function textOf(value: Html | string | number | undefined): string {
  return value instanceof Html ? value.text : escapeText(String(value ?? ''));
}

/** A section with a heading that links lead to; nothing when it would be empty. */
export function section(id: string, title: string, ...content: readonly (Html | readonly Html[])[]): Html[] {
  const filled = content.flat().filter(({ text }) => text !== '');
  if (filled.length === 0) return [];
  return [
    html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${filled}</section>`,
  ];
}

/** A table with a heading for each column. */
export function table(head: readonly string[], rows: readonly (readonly (Html | string)[])[], caption: string): Html {
  const heads = head.map((cell) => html`<th scope="col">${cell}</th>`);
  const body = rows.map(([first = '', ...rest]) => {
    const cells = rest.map((cell) => html`<td>${cell}</td>`);
    return html`<tr><th scope="row">${first}</th>${cells}</tr>`;
  });
  // A wide table is scrolled by the keyboard, too: it can have the focus.
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A chart of `charts` in a page. */
export function chart(svg: string): Html {
  return html`<figure>${new Html(within(svg))}</figure>`;
}

/** Several charts, as many in a row as have room. */
export function grid(charts: readonly Html[]): Html {
  return html`<div class="grid">${charts}</div>`;
}

/** A value of JSON as a text. */
export function textOfValue(value: unknown): string {
  if (typeof value === 'number') return formatNumber(value);
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}

/** `1 h 05 min`, `12 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return minutes > 0 ? `${minutes} min ${String(seconds % 60).padStart(2, '0')} s` : `${seconds} s`;
}

export const css = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --muted: #59636e; --rule: #d1d9e0; --link: #0063a0; --wrong: #b34700; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --muted: #9aa4af; --rule: #343b44; --link: #58b0f0; --wrong: #ff9248; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.5rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0.5rem 0 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--rule); }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: 0.5rem; background: var(--paper); padding: 0.25rem; }
.state { color: var(--muted); margin: 0.25rem 0 1rem; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; }
figure { margin: 0 0 1rem; } figure svg { max-width: 100%; height: auto; display: block; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 0.5rem 1rem; }
.grid.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
.scroll { overflow-x: auto; max-width: 100%; margin: 0 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding: 0.25rem 0; }
th, td { text-align: left; font-weight: normal; padding: 0.25rem 1.25rem 0.25rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: break-word; max-width: 32rem; }
thead th { color: var(--muted); white-space: nowrap; }
.samples { display: flex; flex-wrap: wrap; gap: 0.75rem; list-style: none; padding: 0; margin: 0 0 1rem; }
.samples li { width: 8.5rem; border: 1px solid var(--rule); border-radius: 4px; padding: 0.5rem; font-size: 0.85rem; overflow-wrap: anywhere; }
.samples li.text { width: 24rem; max-width: 100%; }
.samples img { width: 100%; image-rendering: pixelated; display: block; margin-bottom: 0.25rem; }
.samples .wrong { border-color: var(--wrong); border-width: 2px; } .wrong b { color: var(--wrong); } .samples small { color: var(--muted); }
summary { cursor: pointer; color: var(--link); margin: 0.25rem 0 0.75rem; }
ul.warnings { color: var(--wrong); } ul.runs { list-style: none; padding: 0; } .runs small { color: var(--muted); }
label { display: block; } button { font: inherit; padding: 0.25rem 0.75rem; }
${darkRules}
`;

/** Lets a page show what is in it, and nothing else. */
export function policy(scripts: string): string {
  const hash = createHash('sha256').update(css).digest('base64');
  return `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; ${scripts}`;
}

/** A whole page; `head` is added to its head. */
export function page(title: string, head: Html, body: Html): string {
  return `<!doctype html>
${html`<html lang="en">
<head>
<meta charset="utf-8">
${head}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(css)}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
${body}
</body>
</html>`}
`;
}
