// docs/gallery.md from the results of `npm run gallery`.
import { examples, lessons } from '../../examples/gallery.js';

/** @typedef {{ numbers: Record<string, number>, seconds: number, megabytes: number }} Run with one seed */
/**
 * @typedef {{ runs: Run[], timesEager?: number, seconds?: number, busy?: boolean }} Result timesEager: how many times as long a step
 *   takes that is not compiled; busy: whether the machine had other work during the runs, which is noted by hand; seconds: of a run of the
 *   first seed without other work
 */

/** @param {readonly number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The standard deviation of a sample.
 *
 * @param {readonly number[]} values
 */
function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/**
 * `97.31 ± 0.12` over the runs.
 *
 * @param {readonly Run[]} runs
 * @param {import('../../examples/gallery.js').Figure} figure
 */
function figureOf(runs, { key, digits }) {
  const values = runs.map(({ numbers }) => {
    const value = numbers[key];
    if (value === undefined) throw new Error(`gallery: no ${key} among the numbers of a run`);
    return value;
  });
  const spread = values.length > 1 ? ` ± ${deviation(values).toFixed(digits)}` : '';
  return `${mean(values).toFixed(digits)}${spread}`;
}

/**
 * @param {import('../../examples/gallery.js').Example} example
 * @param {Result | undefined} result
 */
function row({ name, title, data, figures, baseline }, result) {
  const command = `\`npm run example -- ${name}\``;
  const known = [`[${name}](../examples/${name.split('/')[0]}/README.md)`, title, data];
  if (result === undefined) return `| ${[...known, 'not measured yet', '', '', '', '', '', command].join(' | ')} |`;
  const { runs, timesEager, busy } = result;
  const seconds = result.seconds ?? mean(runs.map((run) => run.seconds));
  const cells = [
    figures.map((one) => `${one.label}: **${figureOf(runs, one)}**`).join('<br>'),
    baseline === undefined ? '' : `${baseline.label}: ${figureOf(runs, baseline)}`,
    String(runs.length),
    `${seconds.toFixed(0)}${busy && result.seconds === undefined ? ' (busy)' : ''}`,
    timesEager === undefined ? '' : `${timesEager.toFixed(1)} ×`,
    Math.max(...runs.map((run) => run.megabytes)).toFixed(0),
    command,
  ];
  return `| ${[...known, ...cells].join(' | ')} |`;
}

/** The table of the lessons, and their pictures. @param {readonly number[]} seconds of each */
function lessonsPage(seconds) {
  const rows = lessons.map(
    ({ name, title }, i) =>
      `| [${name}](../examples/textbook/${name}.js) | ${title} | ${seconds[i]?.toFixed(1)} | \`npm run example -- textbook/${name}\` |`,
  );
  const images = lessons.map(({ title, picture }) => `**${title}**\n\n![${title}](gallery/${picture})\n`);
  return `
## Lessons

Short programs to read, of [examples/textbook](../examples/textbook/README.md), which has their figures.

| lesson | what it shows | seconds | command |
|---|---|---|---|
${rows.join('\n')}

${images.join('\n')}`;
}

/** @param {Record<string, Result> & { textbook?: readonly number[] }} results */
export function page(results) {
  const sections = examples.flatMap(({ name, title, pictures = [] }) => {
    if (results[name] === undefined || pictures.length === 0) return [];
    const images = pictures.map((picture) => `![${title}](gallery/${picture})`);
    return `\n## ${name}\n\n${title}: \`npm run example -- ${name}\`\n\n${images.join('\n')}\n`;
  });
  return `# Gallery

What the examples learn, and what they reach: the mean and the standard deviation over so many seeds, from 1 on, the seconds that one run
takes on two cores (busy: with other work on them), how many times as long a step takes if it is not compiled
(its small version), and the peak memory of its process in megabytes. With \`--small\` a command takes a
few seconds; \`npm run gallery -- <name>\` measures it anew and writes this page.

| example | what | data | reached | baseline | seeds | seconds | not compiled | MB | command |
|---|---|---|---|---|---|---|---|---|---|
${examples.map((example) => row(example, results[example.name])).join('\n')}

The figures of [minilm](../examples/minilm/README.md), [federated](../examples/federated/README.md),
[distributed](../examples/distributed/README.md), [online](../examples/online/README.md),
[breast-cancer](../examples/breast-cancer/README.md) and [mnist](../examples/mnist/train.js) are in their own pages: they need a model from
elsewhere, several processes, a server, or hardly any time.
${sections.join('')}${results.textbook === undefined ? '' : lessonsPage(results.textbook)}`;
}
