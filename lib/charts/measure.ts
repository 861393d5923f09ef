// How wide texts are. Without a browser nobody can say, so that this errs on the wide side of the usual sans-serif fonts.

const em: readonly (readonly [RegExp, number])[] = [
  [/[\u1100-\u11ff\u2e80-\uffdc\u{1f000}-\u{3ffff}]/u, 1.1],
  [/[mwMW@%]/, 0.95],
  [/[A-Z_#&~+<>=]/, 0.74],
  [/[ijlrtfI.,:;'|!()[\] ]/, 0.4],
];

const widths = new Map<string, number>();

/** The width of a text in units of its font's size. */
export function widthOf(text: string): number {
  let sum = 0;
  for (const character of text) {
    let width = widths.get(character);
    if (width === undefined) {
      width = em.find(([kind]) => kind.test(character))?.[1] ?? 0.63;
      if (widths.size < 10_000) widths.set(character, width);
    }
    sum += width;
  }
  return sum;
}
