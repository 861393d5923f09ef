// Colours. Charts are drawn in those of a light page; style rules replace them where the reader prefers dark ones, so that
// programs that know no style rules show the light chart.

export const paper = '#ffffff';
export const ink = '#1f2328';
export const muted = '#59636e';
export const rule = '#d1d9e0';

/** The colours of lines and bars, in turn: the colour-blind can tell them apart, and each has a contrast of 3 on its page. */
export const palette = ['#0072b2', '#d55e00', '#00805d', '#a8509a', '#8a6d00', '#4a4ac4', '#b03a48', '#5c6670'];

/** What stands for each colour on a dark page. */
const dark: Readonly<Record<string, string>> = {
  [paper]: '#0d1117',
  [ink]: '#e6edf3',
  [muted]: '#9aa4af',
  [rule]: '#343b44',
  '#0072b2': '#58b0f0',
  '#d55e00': '#ff9248',
  '#00805d': '#35cf9f',
  '#a8509a': '#e58fd6',
  '#8a6d00': '#e0be3c',
  '#4a4ac4': '#a3a3ff',
  '#b03a48': '#ff7f8c',
  '#5c6670': '#aab4be',
};

/** The colour of a series by its number. */
export const seriesColour = (index: number): string => palette[index % palette.length] as string;

/** A colour on a dark page. */
export const darkOf = (colour: string): string => dark[colour] as string;

/** The style rules that make charts dark on a dark page. */
export const darkRules = `@media (prefers-color-scheme: dark) {
${Object.entries(dark)
  .map(([light, other]) => `svg [fill="${light}"] { fill: ${other} } svg [stroke="${light}"] { stroke: ${other} }`)
  .join('\n')}
}`;

/** A text without the characters that XML forbids. */
export function legal(text: string): string {
  return text.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd');
}

/** A text as it stands in HTML or SVG, also within quotes. */
export function escapeText(text: string): string {
  return legal(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
