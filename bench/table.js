/** The middle of some numbers. @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** How far the middle half of some numbers spreads, as a share of their median. @param {number[]} values */
export function spread(values) {
  const [low, , high] = quartiles(values);
  return (high - low) / median(values);
}

/** The quartiles of some numbers, the median between them. @param {number[]} values */
export function quartiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
}

/** Three digits, with separators from 1,000 on. @param {number | null | undefined} value */
export function short(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return '';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return value === 0 ? '0' : Number(value.toPrecision(3)).toString();
}

/**
 * Prints rows under their heads: the first column to the left, numbers to the right.
 * @param {string[]} heads
 * @param {string[][]} rows
 */
export function printTable(heads, rows) {
  const widths = heads.map((head, c) => Math.max(head.length, ...rows.map((row) => row[c].length)));
  const left = heads.map((_, c) => c === 0 || rows.some((row) => /^[^\d±<-]/.test(row[c])));
  /** @param {string[]} row */
  const line = (row) => row.map((cell, c) => (left[c] ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ');
  console.log(line(heads));
  console.log(widths.map((width) => '─'.repeat(width)).join('  '));
  for (const row of rows) console.log(line(row).trimEnd());
  console.log('');
}
