// docs/layers.md names every export of `nn`, `nn.functional`, `nn.init` and `nn.utils`, with the options that the code takes and their defaults; and
// every export has TSDoc with an example, which documentation.test.ts runs.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';
import { readPage, root } from '../support/pages.js';
import { errorOf } from '../support/refusals.js';

const { nn, ones } = adjoint;

interface Entry {
  name: string;
  parameters: string[];
  cells: string[];
}

// Rows of the tables: `Conv2d(inChannels, …)`, `Conv1d` | … | `stride` (1), `padding` (0) | …
const entries = [...readPage('docs/layers.md').matchAll(/^\| (`.*?) \|(.*)\|$/gm)].flatMap((row): Entry[] => {
  const cells = (row[2] as string).split(/(?<!\\)\|/).map((cell) => cell.trim());
  let parameters: string[] = [];
  return [...(row[1] as string).matchAll(/`(\w+)(?:\((.*?)\))?`/g)].map((match) => {
    if (match[2] !== undefined) parameters = match[2].split(', ').filter((name) => name !== '');
    return { name: match[1] as string, parameters, cells };
  });
});

const abstract = ['Module', 'RecurrentModule', 'RecurrentCell'];
const spaces = ['functional', 'init', 'utils'] as const;
const exported = [
  ...Object.keys(nn).filter((name) => !spaces.includes(name as 'init')),
  ...spaces.flatMap((name) => namesIn(nn[name])),
];

// The names in a namespace and in those in it.
function namesIn(space: object): string[] {
  return Object.entries(space).flatMap(([name, value]) => (typeof value === 'function' ? [name] : namesIn(value)));
}

// The options in a row: the cell of names each with a default or nothing in brackets behind it.
function optionsOf(entry: Entry): Map<string, string> {
  const cell = entry.cells.find(
    (c) => /^`\w+`(?: \(|$|,)/.test(c) || c.startsWith('as `BatchNorm1d`') || c.startsWith('`size` or'),
  );
  const all = [...(cell ?? '').matchAll(/`([a-z]\w*)`(?: \((.*?)\))?/g)];
  return new Map(all.map((match) => [match[1] as string, match[2] ?? '']));
}

const encoderLayer = new nn.TransformerEncoderLayer(4, 2);
const decoderLayer = new nn.TransformerDecoderLayer(4, 2);
function argumentsOf({ parameters }: Entry): unknown[] {
  return parameters
    .filter((parameter) => parameter !== 'options')
    .map((parameter) => {
      if (parameter === 'encoderLayer') return encoderLayer;
      if (parameter === 'decoderLayer') return decoderLayer;
      if (parameter === 'cutoffs' || parameter === 'unflattenedSize') return [2];
      if (parameter === 'kinds') return ['regression'];
      return parameter === 'p' ? 0.5 : 4;
    });
}

type Constructor = new (...args: unknown[]) => Record<string, unknown>;
const holders = [
  'DistributedDataParallel',
  'Parameter',
  'Buffer',
  'LoRA',
  'Sequential',
  'ModuleList',
  'ModuleDict',
  'ParameterList',
  'ParameterDict',
];
// The arguments of a lazy layer are those of the layer.
const isLayer = (name: string) =>
  /^[A-Z]/.test(name) && !/^Lazy/.test(name) && name in nn && ![...abstract, ...holders].includes(name);
const found = (name: string) => ({ ...nn, ...nn.functional, ...nn.init })[name as 'Linear'] as unknown;

// The options that the code knows, as its error lists them.
function knownOptions(call: (options: object) => unknown): string[] {
  const text = (errorOf(() => call({ planted: 1 })) as Error | undefined)?.message ?? '';
  expect(text === '' || text.includes('unknown option "planted"'), text).toBe(true);
  const list = /known are (.*)$/.exec(text)?.[1];
  return list === undefined ? [] : list.split(', ').sort();
}

describe('docs/layers.md', () => {
  it('names every export once', () => {
    expect(entries.map((e) => e.name).sort()).toEqual([...exported].sort());
  });

  const layers = entries.filter((e) => isLayer(e.name));
  it('has layers', () => expect(layers.length).toBeGreaterThan(50));

  for (const entry of layers) {
    it(`${entry.name}: options and defaults are those of the code`, () => {
      const make = found(entry.name) as Constructor;
      const options = optionsOf(entry);
      const known = knownOptions((planted) => new make(...argumentsOf(entry), planted));
      expect([...options.keys()].sort()).toEqual(known.filter((option) => !entry.parameters.includes(option)));
      if (entry.parameters.includes('options')) return; // made of options alone, some of which must be given
      const layer = new make(...argumentsOf(entry));
      for (const [name, text] of options) {
        const value = layer[name];
        const first = text.split(', ')[0] as string;
        if (value === undefined || typeof value === 'object' || !/^(?:[\d.e-]+|true|false|'.*')$/.test(first)) continue;
        if (name === 'bias' && typeof value !== 'boolean') continue;
        expect(String(value), name).toBe(first.startsWith("'") ? first.slice(1, -1) : String(JSON.parse(first)));
      }
    });
  }

  const x = () => ones([2, 2]);
  for (const entry of entries.filter((e) => /^[a-z]/.test(e.name))) {
    const run = found(entry.name) as (...args: unknown[]) => unknown;
    const isAttention = entry.name === 'scaledDotProductAttention';
    const given = Object.hasOwn(nn.init, entry.name) ? [x()] : isAttention ? [x(), x(), x()] : [x(), x()];
    const isLoss = readPage('lib/nn/loss.ts').includes(`export function ${entry.name}(`);
    const takesOptions = isLoss || isAttention || (Object.hasOwn(nn.init, entry.name) && optionsOf(entry).size > 0);
    if (!takesOptions) continue;
    it(`${entry.name}: options are those of the code`, () => {
      const known = knownOptions((planted) => run(...given, planted));
      expect(known.length).toBeGreaterThan(0);
      expect([...optionsOf(entry).keys()].sort()).toEqual(known);
    });
  }

  it('an option that is missing on the page is noticed', () => {
    const entry = entries.find((e) => e.name === 'Conv2d') as Entry;
    const without = { ...entry, cells: entry.cells.map((c) => c.replace('`groups` (1), ', '')) };
    const known = knownOptions((planted) => new (found('Conv2d') as Constructor)(4, 4, 4, planted));
    expect([...optionsOf(without).keys()].sort()).not.toEqual(known);
  });
});

describe('TSDoc', () => {
  const sources = ['lib/ops', 'lib/nn'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => readPage(join(folder, name))),
  );
  const docs = new Map(
    sources.flatMap((text) =>
      [...text.matchAll(/(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)\nexport (?:abstract )?(?:class|function|const) (\w+)/g)].map(
        (match): [string, string] => [match[2] as string, match[1] as string],
      ),
    ),
  );

  it('every export of nn has an example', () => {
    const lacking = exported.filter(
      (name) => !abstract.slice(1).includes(name) && !docs.get(name)?.includes('@example'),
    );
    expect(lacking).toEqual([]);
  });
});
