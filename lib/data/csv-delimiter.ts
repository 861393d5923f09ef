// Which character separates the fields of a text.

const candidates = [',', ';', '\t', '|'] as const;
const mostLines = 50;

/** Of `, ; tab |` the one that is there in most lines, equally often if possible; a comma if there is none. */
export function guessDelimiter(text: string, quote: string | null): string {
  const lines = countsOf(text, quote);
  let best = { delimiter: ',' as string, lines: 0, even: false, count: 0 };
  for (const [i, delimiter] of candidates.entries()) {
    const counts = lines.map((line) => line[i] as number).filter((count) => count > 0);
    const even = counts.length === lines.length && counts.every((count) => count === counts[0]);
    const found = { delimiter, lines: counts.length, even, count: counts.reduce((sum, count) => sum + count, 0) };
    const isBetter =
      found.even !== best.even
        ? found.even
        : found.lines !== best.lines
          ? found.lines > best.lines
          : found.count > best.count;
    if (isBetter) best = found;
  }
  return best.delimiter;
}

/** How often each candidate is in each of the first lines, outside of quotes. */
function countsOf(text: string, quote: string | null): number[][] {
  const lines: number[][] = [];
  let counts = candidates.map(() => 0);
  let [isQuoted, isEmpty] = [false, true];
  const endLine = () => {
    if (!isEmpty) lines.push(counts);
    counts = candidates.map(() => 0);
    isEmpty = true;
  };
  for (const character of text) {
    if (character === quote) isQuoted = !isQuoted;
    if ((character === '\n' || character === '\r') && !isQuoted) {
      endLine();
      if (lines.length === mostLines) return lines;
      continue;
    }
    isEmpty = false;
    const place = isQuoted ? -1 : candidates.indexOf(character as ',');
    if (place >= 0) counts[place] = (counts[place] as number) + 1;
  }
  // The last line may be cut off.
  if (lines.length === 0) endLine();
  return lines;
}
