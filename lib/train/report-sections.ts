// The sections of a report.
import { bars } from '../charts/bars.js';
import { formatNumber } from '../charts/frame.js';
import { heatmap } from '../charts/heatmap.js';
import { lines } from '../charts/lines.js';
import { drawPictures } from '../charts/pictures.js';
import type { ClassesEvent, Histogram, HistogramsEvent, ImportanceEvent, SamplesEvent } from './record.js';
import { comparison, curves, valuesTable } from './report-curves.js';
import { chart, duration, grid, type Html, html, section, table, textOfValue } from './report-text.js';
import type { RunRecord } from './run-reader.js';

/** What a run looks like: its heading, links to its sections, and these. `others` are compared with it. */
export async function reportOf(run: RunRecord, others: readonly RunRecord[]): Promise<Html> {
  const warnings = run.warnings.map((warning) => html`<li>${warning}</li>`);
  const sections = [
    ...section('curves', 'Curves', await curves(run), valuesTable(run)),
    ...section('classes', 'Classes', await classes(run.classes)),
    ...section('importance', 'Importance of features', await importance(run.importance)),
    ...section('samples', 'Predictions', samples(run.samples)),
    ...section('errors', 'Worst errors', samples(run.errors)),
    ...section(
      'pictures',
      'Pictures',
      Array.from(run.pictures.values(), (event) => chart(drawPictures(event))),
    ),
    ...section('weights', 'Weights', await histograms(run.weights)),
    ...section('gradients', 'Gradients', await histograms(run.gradients)),
    ...(others.length > 0 ? section('comparison', 'Comparison', await comparison([...others, run])) : []),
    ...section('configuration', 'Configuration', facts(run.configuration, 'What was set')),
    ...section('environment', 'Environment', facts(run.environment, 'Where it ran')),
  ];
  const links = sections.map(({ text }) => {
    const [, id = '', title = ''] = /id="([a-z]+)"[^>]*><h2[^>]*>([^<]*)/.exec(text) ?? [];
    return html`<li><a href="#${id}">${title}</a></li>`;
  });
  return html`<header><h1>${run.name}</h1><p class="state">${stateOf(run)}</p></header>
<nav aria-label="Sections"><ul>${links}</ul></nav>
<main id="content" tabindex="-1">
${warnings.length > 0 ? html`<ul class="warnings">${warnings}</ul>` : ''}
${sections}
</main>`;
}

function stateOf({ started, at, end, events }: RunRecord): string {
  const begun = `Started ${started.slice(0, 19).replace('T', ' ')} UTC`;
  if (events === 0) return `${begun}, no events yet`;
  const ran = `${formatNumber(at.step)} steps in ${duration(at.time - Date.parse(started))}`;
  return `${begun}, ${ran}, ${end === undefined ? 'no end recorded' : end || 'ended'}`;
}

async function classes(event: ClassesEvent | undefined): Promise<Html> {
  if (event === undefined) return html``;
  const { classes, confusion, roc, calibration } = event;
  const names = classes.length <= 40 ? classes : [];
  const side = Math.min(900, 180 + Math.max(90, 46 * names.length));
  const matrix = await heatmap({
    ...{
      title: 'Confusion matrix',
      rows: names,
      columns: names,
      width: Math.max(360, side),
      height: Math.max(280, 0.85 * side) | 0,
    },
    ...{ values: names.length > 0 ? confusion.map((row) => row.map(share(row))) : [], x: 'predicted', y: 'true' },
    ...{ max: 1, format: (v: number) => (v >= 0.995 ? '100' : v < 0.005 ? '' : (100 * v).toFixed(0)) },
  });
  const several = classes.length > 2;
  const shown = roc.slice(0, 12);
  const legend = (i: number) => (several ? `${classes[i]}: ${formatNumber((roc[i] as { auc: number }).auc)}` : '');
  const square = { width: 440, height: several ? 420 : 380 };
  const diagonal = { x: [0, 1], y: [0, 1], style: 'dashed', colour: 7 } as const;
  const title = several
    ? 'ROC, each class against the others, and area'
    : `ROC, area ${formatNumber(roc[0]?.auc ?? Number.NaN)}`;
  const range = [0, 1] as const;
  const rates = await lines({
    ...{ ...square, title, x: { label: 'false positive rate', range }, y: { label: 'true positive rate', range } },
    lines: [diagonal, ...shown.map(({ x, y }, i) => ({ x, y, name: legend(i), colour: i }))],
  });
  const reliability = await lines({
    ...{ ...square, title: `Calibration, expected error ${formatNumber(calibration.error)}` },
    ...{ x: { label: 'confidence', range }, y: { label: 'share that is right', range } },
    lines: [diagonal, { x: calibration.x, y: calibration.y, style: 'both', colour: 0 }],
  });
  const rows = classes.slice(0, 200).map((name, i) => {
    const row = confusion[i] ?? [];
    const [all, right] = [sum(row), row[i] ?? 0];
    const taken = sum(confusion.map((other) => other[i] ?? 0));
    return [name, ...[all, right / all, right / taken].map(formatNumber)];
  });
  const figures = [names.length > 0 ? chart(matrix) : html``, chart(rates), chart(reliability)];
  const each = table(
    ['class', 'samples', 'recall', 'precision'],
    rows,
    'Classes; the matrix has percentages of each row',
  );
  return html`<div class="grid wide">${figures}</div>${each}`;
}

const sum = (list: readonly number[]): number => list.reduce((total, v) => total + v, 0);
const share = (row: readonly number[]) => (v: number) => v / Math.max(1, sum(row));

async function importance(event: ImportanceEvent | undefined): Promise<Html> {
  if (event === undefined) return html``;
  const sorted = [...event.features].sort((a, b) => b.mean - a.mean);
  const shown = sorted.slice(0, 30);
  const svg = await bars({
    ...{ title: `Fall of ${event.metric} when a feature is shuffled`, horizontal: true, width: 720 },
    ...{
      names: shown.map(({ name }) => name),
      values: shown.map(({ mean }) => mean),
      errors: shown.map(({ std }) => std),
    },
    height: 110 + 26 * shown.length,
  });
  const left = sorted.length - shown.length;
  return html`${chart(svg)}${left > 0 ? html`<p>${String(left)} features of less importance are not shown.</p>` : ''}`;
}

function samples(event: SamplesEvent | undefined): Html {
  if (event === undefined) return html``;
  const items = event.samples.slice(0, 60).map(({ image, text, target, prediction, isWrong, loss }) => {
    const picture = image ? html`<img alt="sample" src="data:image/png;base64,${image}">` : '';
    const verdict = isWrong ? html`<b>${prediction}</b>, not ${target}` : html`${prediction}`;
    const cost = loss === undefined ? '' : html` <small>loss ${formatNumber(loss)}</small>`;
    const kind = [isWrong ? 'wrong' : '', text ? 'text' : ''].join(' ').trim();
    return html`<li class="${kind}">${picture}${text ? html`<div>${text.slice(0, 600)}</div>` : ''}${verdict}${cost}</li>`;
  });
  return html`<ul class="samples">${items}</ul>`;
}

async function histograms(event: HistogramsEvent | undefined): Promise<Html> {
  if (event === undefined) return html``;
  const entries = Object.entries(event.tensors);
  const draw = ([name, { low, high, counts }]: [string, Histogram]) => {
    const width = (high - low) / Math.max(1, counts.length);
    const x = Array.from({ length: counts.length + 1 }, (_, i) => low + i * width);
    // The last count once more, at the end of its bin.
    const line = { x, y: [...counts, counts.at(-1) ?? 0], style: 'steps' } as const;
    return lines({ title: name, width: 320, height: 200, lines: [line] });
  };
  const charts = await Promise.all(entries.slice(0, 60).map(async (entry) => chart(await draw(entry))));
  const [first, rest] = [charts.slice(0, 6), charts.slice(6)];
  const more = html`<details><summary>${String(rest.length)} more</summary>${grid(rest)}</details>`;
  return html`<p class="state">At step ${formatNumber(event.step)}</p>${grid(first)}${rest.length > 0 ? more : ''}`;
}

function facts(values: Record<string, unknown>, caption: string): Html {
  const rows = Object.entries(values).map(([name, value]) => [name, textOfValue(value)]);
  return rows.length === 0 ? html`` : table(['', ''], rows, caption);
}
