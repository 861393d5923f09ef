import { writeFileSync } from 'node:fs';
import { train } from '../index.js';
import type { Command } from './arguments.js';
import { print, printJson, printPairs } from './output.js';
import { jsonOf, predictionsOf } from './predictions.js';
import { readingOptions, readTable } from './tables.js';

export const predictCommand: Command = {
  summary: 'Predicts the rows of a CSV file and writes CSV: the prediction and, of classes, their probabilities.',
  positionals: ['<model>', '<data.csv>'],
  options: {
    output: { value: '<file>', about: 'where the predictions go; by default the standard output' },
    ...readingOptions,
    json: { about: 'JSON, one line for each row' },
  },
  more: '  adjoint predict model.safetensors new.csv > predictions.csv',
  async run(given) {
    const [file, path] = given.positionals as [string, string];
    const model = train.TabularModel.load(file);
    const table = await readTable(path, given, model);
    const predictions = await predictionsOf(model, table);
    const lines = given.flag('json')
      ? predictions.map((prediction) => JSON.stringify(jsonOf(model, prediction)))
      : [
          [model.target, ...model.classes.map((label) => `probability of ${label}`)].map(field).join(','),
          ...predictions.map(({ prediction, probabilities }) => [prediction, ...probabilities].map(field).join(',')),
        ];
    const text = `${lines.join('\n')}\n`;
    const output = given.text('output');
    if (output === undefined) process.stdout.write(text);
    else writeFileSync(output, text);
  },
};

const field = (value: unknown): string => {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const evaluateCommand: Command = {
  summary: 'Says how good a model is on a CSV file that has the target, too.',
  positionals: ['<model>', '<data.csv>'],
  options: { ...readingOptions, json: { about: 'JSON' } },
  more: '  adjoint evaluate model.safetensors test.csv',
  async run(given) {
    const [file, path] = given.positionals as [string, string];
    const model = train.TabularModel.load(file);
    const table = await readTable(path, given, model);
    const scores = await model.evaluate(table);
    if (given.flag('json')) printJson(scores);
    else printPairs(Object.entries(scores));
  },
};

export const inspectCommand: Command = {
  summary: 'Shows what a model is: columns, networks, metrics and where it comes from.',
  positionals: ['<model>'],
  options: { json: { about: 'JSON' } },
  more: '',
  run(given) {
    const model = train.TabularModel.load(given.positionals[0] as string);
    const { target, task, classes, schema, metrics, provenance, networks } = model;
    const parameters = networks.map((network) => network.parameters().reduce((sum, t) => sum + t.size, 0));
    if (given.flag('json')) {
      printJson({ target, task, classes, columns: schema, metrics, provenance, parameters });
      return;
    }
    print(`${target}: ${task}${classes.length > 0 ? ` (${classes.join(', ')})` : ''}`);
    print('columns:');
    printPairs(
      schema.map(({ name, type, categories }) => [
        name,
        categories === undefined ? type : `${type} of ${categories.length}`,
      ]),
    );
    print('networks:');
    printPairs(
      provenance.members.map(({ settings, best, epochs }, i) => [
        `${i + 1}`,
        `${settings.hidden.join('-')}, ${parameters[i]} parameters, best of ${epochs} epochs: ${best}`,
      ]),
    );
    print('on rows kept apart from training:');
    printPairs(Object.entries(metrics));
    print('trained:');
    const { created, rows, skipped, seed, seconds } = provenance;
    printPairs(Object.entries({ created, rows, 'rows left out': skipped, seed, seconds }));
  },
};
