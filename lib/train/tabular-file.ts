// Models of tables as files: a safetensors file with the networks, and in its metadata, as JSON, everything else.
import { Features } from '../data/features.js';
import { FileError, describe as show } from '../errors.js';
import { load, loadMetadata, save } from '../io/index.js';
import type { Tensor } from '../tensor.js';
import { architectureOf, type TabularMember } from './tabular-member.js';
import type { TabularColumn, TabularParts, TabularProvenance } from './tabular-model.js';
import { shapesOf, TabularNetwork } from './tabular-network.js';
import type { TabularScores } from './tabular-scores.js';
import type { TabularSettings } from './tabular-settings.js';
import type { Label, Target } from './tabular-target.js';

const key = 'adjoint.tabular';
const version = 1;

export function saveTabularFile(path: string, { members, ...parts }: TabularParts): void {
  const tensors = new Map<string, Tensor>();
  for (const [m, { network }] of members.entries()) {
    for (const [name, t] of network.stateDict()) tensors.set(`${m}.${name}`, t);
  }
  const built = members.map(({ features, network }) => {
    const { hidden, dropout, frequencies, sigma } = network.architecture;
    return { features, architecture: { hidden, dropout, frequencies, sigma } };
  });
  save(path, tensors, { metadata: { [key]: JSON.stringify({ version, ...parts, members: built }) } });
}

export function loadTabularFile(path: string): TabularParts {
  const text = loadMetadata(path)[key];
  const wrong = (rule: string): FileError => new FileError(`TabularModel.load: ${JSON.stringify(path)} ${rule}`);
  if (text === undefined) throw wrong(`must hold a model of TabularModel.save, but has no ${key} in its metadata`);
  const read = new Reader(wrong, parse(text, wrong));
  const found = read.at('version').value;
  if (found !== version)
    throw wrong(`must be of version ${version}, got ${show(found)}; it may come from a newer adjoint`);
  const target = targetFrom(read.at('target'));
  const columns = read.at('columns').list((column): TabularColumn => {
    return {
      name: column.at('name').text(),
      type: column.at('type').choice(['number', 'category', 'boolean', 'date']),
    };
  });
  const tensors = load(path);
  const members = read.at('members').list((member, m) => memberFrom(member, m, { columns, target, tensors, wrong }));
  if (members.length === 0) throw wrong('must have a network, got none');
  const names = new Set(
    members.flatMap(({ network }, m) => [...shapesOf(network.architecture).keys()].map((n) => `${m}.${n}`)),
  );
  const strange = [...tensors.keys()].find((name) => !names.has(name));
  if (strange !== undefined) throw wrong(`must hold the tensors of its networks alone, got ${JSON.stringify(strange)}`);
  const metrics = read.at('metrics').record((value) => value.number()) as TabularScores;
  return { target, columns, members, metrics, provenance: provenanceFrom(read.at('provenance')) };
}

function parse(text: string, wrong: (rule: string) => FileError): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(`must have JSON as ${key}`);
  }
}

function targetFrom(read: Reader): Target {
  const task = read.at('task').choice(['binary', 'multiclass', 'regression']);
  const classes = read.at('classes').list((label): Label => {
    if (['string', 'number', 'boolean'].includes(typeof label.value)) return label.value as Label;
    throw label.wrong('a class');
  });
  const least = { binary: 2, multiclass: 2, regression: 0 }[task];
  if (classes.length < least || (task !== 'multiclass' && classes.length > least))
    throw read.at('classes').wrong(`classes of ${task}`);
  const numbers = Object.fromEntries(
    ['mean', 'deviation', 'low', 'high'].map((name) => [name, read.at(name).number()]),
  );
  return {
    name: read.at('name').text(),
    task,
    classes,
    ...(numbers as Pick<Target, 'mean' | 'deviation' | 'low' | 'high'>),
  };
}

function provenanceFrom(read: Reader): TabularProvenance {
  return {
    created: read.at('created').text(),
    rows: read.at('rows').integer(0),
    skipped: read.at('skipped').integer(0),
    seed: read.at('seed').integer(0),
    seconds: read.at('seconds').number(),
    members: read.at('members').list((member) => ({
      epochs: member.at('epochs').integer(0),
      best: member.at('best').integer(0),
      settings: member.at('settings').record(({ value }) => value) as unknown as TabularSettings,
    })),
  };
}

interface Whole {
  readonly columns: readonly TabularColumn[];
  readonly target: Target;
  readonly tensors: Map<string, Tensor>;
  readonly wrong: (rule: string) => FileError;
}

function memberFrom(read: Reader, m: number, { columns, target, tensors, wrong }: Whole): TabularMember {
  const features = featuresFrom(read.at('features'), columns);
  const given = read.at('architecture');
  const architecture = architectureOf(features, target, {
    hidden: given.at('hidden').list((width) => width.integer(1, 65_536)),
    dropout: given.at('dropout').number(),
    frequencies: given.at('frequencies').integer(0, 1024),
    sigma: given.at('sigma').number(),
  });
  const parameters = new Map<string, Tensor>();
  for (const [name, shape] of shapesOf(architecture)) {
    const t = tensors.get(`${m}.${name}`);
    const isRight = t?.dtype === 'float32' && t.shape.join() === shape.join();
    if (!isRight)
      throw wrong(
        `must have a float32 tensor ${m}.${name} [${shape.join(', ')}], got ${t === undefined ? 'none' : `${t.dtype} [${t.shape.join(', ')}]`}`,
      );
    parameters.set(name, t);
  }
  return { features, network: new TabularNetwork(architecture, parameters) };
}

function featuresFrom(read: Reader, columns: readonly TabularColumn[]): Features {
  let features: Features;
  try {
    features = Features.fromJSON(read.value);
  } catch (error) {
    throw error instanceof FileError ? read.wrong(`features (${error.message})`) : error;
  }
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const strange = Object.entries(features.types).find(([name, type]) => types.get(name) !== type);
  if (strange !== undefined) throw read.wrong(`features of columns of the model, not ${JSON.stringify(strange[0])}`);
  return features;
}

/** A value of the JSON with its place in it. */
class Reader {
  constructor(
    private readonly fail: (rule: string) => FileError,
    readonly value: unknown,
    private readonly place = key,
  ) {}

  wrong(rule: string): FileError {
    return this.fail(`must have ${rule} as ${this.place}, got ${show(this.value)}`);
  }

  at(name: string): Reader {
    const object = this.object();
    return new Reader(this.fail, Object.hasOwn(object, name) ? object[name] : undefined, `${this.place}.${name}`);
  }

  object(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) {
      throw this.wrong('an object');
    }
    return this.value as Record<string, unknown>;
  }

  record<T>(read: (value: Reader) => T): Record<string, T> {
    return Object.fromEntries(Object.keys(this.object()).map((name) => [name, read(this.at(name))]));
  }

  list<T>(read: (element: Reader, index: number) => T): T[] {
    if (!Array.isArray(this.value)) throw this.wrong('a list');
    return this.value.map((element, i) => read(new Reader(this.fail, element, `${this.place}[${i}]`), i));
  }

  text(): string {
    if (typeof this.value !== 'string') throw this.wrong('a text');
    return this.value;
  }

  number(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value)) throw this.wrong('a number');
    return this.value;
  }

  integer(least: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.number();
    if (!Number.isInteger(value) || value < least || value > most)
      throw this.wrong(`an integer from ${least} to ${most}`);
    return value;
  }

  choice<T extends string>(choices: readonly T[]): T {
    if (!choices.includes(this.value as T)) throw this.wrong(`one of ${choices.join(', ')}`);
    return this.value as T;
  }
}
