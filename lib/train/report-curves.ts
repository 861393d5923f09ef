// Curves of one run, and of several.
import { formatNumber } from '../charts/frame.js';
import { type Line, lines } from '../charts/lines.js';
import { chart, type Html, html, table } from './report-text.js';
import type { RunRecord, Series } from './run-reader.js';

/** The curves that belong together: of training, by step or by epoch, and of validation. */
interface Group {
  name: string;
  training?: Series;
  validation?: Series;
}

const prefix = /^(validation|valid|val|test)[._/-]/;

/** Curves by the name of what they measure, in the order in which they came up. */
export function groupsOf(run: RunRecord): Group[] {
  const groups = new Map<string, Group>();
  const groupOf = (name: string) => {
    const group = groups.get(name) ?? { name };
    groups.set(name, group);
    return group;
  };
  for (const [name, series] of run.step) groupOf(name).training = series;
  for (const [name, series] of run.validate) groupOf(name.replace(prefix, '')).validation = series;
  for (const [name, series] of run.epoch) {
    const group = groupOf(name.replace(prefix, ''));
    if (prefix.test(name)) group.validation ??= series;
    else group.training ??= series;
  }
  return [...groups.values()];
}

/** A chart for each thing that was measured. */
export async function curves(run: RunRecord): Promise<Html> {
  const drawn = await Promise.all(groupsOf(run).map(async (group) => chart(await drawGroup(group))));
  return drawn.length === 0 ? html`` : html`<div class="grid wide">${drawn}</div>`;
}

function drawGroup({ name, training, validation }: Group): Promise<string> {
  const list: Line[] = [];
  if (training) {
    const isLong = training.y.length > 60 && name !== 'lr';
    if (isLong) list.push({ ...training, style: 'faint', colour: 0 });
    const y = isLong ? smooth(training.y) : training.y;
    list.push({ name: isLong ? 'training, smoothed' : 'training', x: training.x, y, colour: 0 });
  }
  if (validation) {
    list.push({ ...validation, name: 'validation', style: validation.y.length > 60 ? 'line' : 'both', colour: 1 });
  }
  const title = name === 'lr' ? 'learning rate' : name;
  return lines({ title, width: 560, height: 320, x: { label: 'step' }, y: { log: isSteep(list) }, lines: list });
}

/** Whether values span so much that a logarithmic axis shows more. */
function isSteep(list: readonly Line[]): boolean {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const { y } of list) {
    for (const v of Array.from(y)) {
      if (!Number.isFinite(v)) continue;
      if (v <= 0) return false;
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
  }
  return high / low > 50;
}

/** An exponential average over about a fiftieth of the values, without a bias to its beginning; gaps stay. */
export function smooth(values: readonly number[]): number[] {
  const decay = 1 - 1 / Math.max(1, values.length / 50);
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (!Number.isFinite(value)) return Number.NaN;
    sum = decay * sum + (1 - decay) * value;
    weight = decay * weight + (1 - decay);
    return sum / weight;
  });
}

/** The last, least and greatest value of each curve. */
export function valuesTable(run: RunRecord): Html {
  const rows = groupsOf(run).flatMap(({ name, training, validation }) =>
    [
      [name, training],
      [`${name}, validation`, validation],
    ].flatMap(([label, series]) => (series ? [[label as string, ...extremes(series as Series)]] : [])),
  );
  if (rows.length === 0) return html``;
  return table(['', 'last', 'least', 'at step', 'greatest', 'at step'], rows, 'Values');
}

function extremes({ x, y }: Series): string[] {
  const finite = [...y.keys()].filter((i) => Number.isFinite(y[i]));
  const pick = (isBetter: (a: number, b: number) => boolean) =>
    finite.reduce((best, i) => (isBetter(y[i] as number, y[best] as number) ? i : best), finite[0] ?? 0);
  const [least, most] = [pick((a, b) => a < b), pick((a, b) => a > b)];
  const last = formatNumber(y.at(-1) as number);
  if (finite.length === 0) return [last, '', '', '', ''];
  return [last, ...[least, most].flatMap((i) => [formatNumber(y[i] as number), String(Math.round(x[i] as number))])];
}

/** What each run is compared by: validation where there is one. */
function measured(run: RunRecord): Map<string, Series> {
  return new Map(
    groupsOf(run).flatMap(({ name, training, validation }) => {
      const series = validation ?? training;
      return series && name !== 'lr' ? [[name, series]] : [];
    }),
  );
}

/** Charts with a curve for each run, and a table with their values and in what their configurations differ. */
export async function comparison(runs: readonly RunRecord[]): Promise<Html[]> {
  const shown = runs.slice(-16);
  const all = shown.map(measured);
  const names = [...new Set(all.flatMap((curves) => [...curves.keys()]))].slice(0, 8);
  const drawn = await Promise.all(
    names.map(async (name) => {
      const list = shown.flatMap((run, i): Line[] => {
        const series = all[i]?.get(name);
        if (!series) return [];
        const y = series.y.length > 60 ? smooth(series.y) : series.y;
        return [{ name: run.name, x: series.x, y, colour: i }];
      });
      const y = { log: isSteep(list) };
      return chart(await lines({ title: name, width: 560, height: 320, x: { label: 'step' }, y, lines: list }));
    }),
  );
  const settings = differing(shown);
  const head = ['run', 'started', 'state', 'steps', ...names, ...settings];
  const rows = shown.map((run, i) => [
    run.name,
    run.started.slice(0, 16).replace('T', ' '),
    run.end ?? 'no end recorded',
    formatNumber(run.at.step),
    ...names.map((name) => formatLast(all[i]?.get(name))),
    ...settings.map((key) => JSON.stringify(run.configuration[key]) ?? ''),
  ]);
  return [
    html`<div class="grid wide">${drawn}</div>`,
    table(head, rows, 'Runs: the last value of each, and settings that differ'),
  ];
}

function formatLast(series: Series | undefined): string {
  const value = series?.y.at(-1);
  return value === undefined ? '' : formatNumber(value);
}

/** The names of settings that are not the same in all runs. */
function differing(runs: readonly RunRecord[]): string[] {
  const names = new Set(runs.flatMap(({ configuration }) => Object.keys(configuration)));
  const isSame = (name: string) => new Set(runs.map((run) => JSON.stringify(run.configuration[name]))).size <= 1;
  return [...names].filter((name) => !isSame(name)).slice(0, 20);
}
