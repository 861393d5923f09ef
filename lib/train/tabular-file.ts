// Models of tables as files: checkpoints, which have a checksum, of one value, `tabular`.
import { Features } from '../data/features.js';
import type { Table } from '../data/table.js';
import { AdjointError, ArgumentError, FileError, reword, describe as show } from '../errors.js';
import { maxText } from '../io/checkpoint-tree.js';
import { loadCheckpoint, loadMetadata, saveCheckpoint } from '../io/index.js';
import { Tensor } from '../tensor.js';
import { architectureOf, type TabularMember } from './tabular-member.js';
import type { TabularColumn, TabularParts, TabularProvenance } from './tabular-model.js';
import { shapesOf, type TabularArchitecture, TabularNetwork } from './tabular-network.js';
import type { TabularScores } from './tabular-scores.js';
import type { TabularSettings } from './tabular-settings.js';
import type { Label, Target } from './tabular-target.js';

const key = 'tabular';
const version = 1;

/** Characters of JSON that a feature takes at most, without names and categories; a date has one for each of its parts. */
const featureText = 300;
const mostFeatures = 6;

/** Throws for categories of which the names would not fit into a model's file: after the training it would be too late. */
export function checkFileText(operation: string, table: Table, members: number): void {
  const sizes = Array.from(table.columns, ([name, column]) => {
    const categories = column.type === 'category' ? JSON.stringify(column.categories).length : 0;
    const count = column.type === 'date' ? mostFeatures : 1;
    return { name, size: members * (categories + count * (featureText + JSON.stringify(name).length)) };
  });
  const all = sizes.reduce((sum, { size }) => sum + size, 0);
  if (all <= maxText) return;
  const largest = sizes.reduce((a, b) => (a.size >= b.size ? a : b));
  const rule = `names and categories of the columns must have at most ${maxText} characters in the file of the model`;
  const got = `${all} for an ensemble of ${members}, of which column ${show(largest.name)} has ${largest.size}`;
  throw new ArgumentError(`${operation}: ${rule}, got ${got}; ignore columns, or give a smaller ensemble`);
}

export function saveTabularFile(path: string, { members, ...parts }: TabularParts): void {
  const built = members.map(({ features, network }) => {
    const { hidden, dropout, frequencies, sigma } = network.architecture;
    const architecture = { hidden, dropout, frequencies, sigma };
    return { features: features.toJSON(), architecture, parameters: network.stateDict() };
  });
  inOperation('save', () => saveCheckpoint(path, { [key]: { version, ...parts, members: built } }));
}

export function loadTabularFile(path: string): TabularParts {
  const wrong = (rule: string): FileError => new FileError(`TabularModel.load: ${JSON.stringify(path)} ${rule}`);
  const saved = inOperation('load', () => {
    const isCheckpoint = loadMetadata(path)['adjoint.checkpoint'] !== undefined;
    return isCheckpoint ? loadCheckpoint(path) : { tensors: null };
  });
  if (!Object.hasOwn(saved, key)) {
    throw wrong(`must hold a model of TabularModel.save, got ${Object.keys(saved).join(', ') || 'nothing'}`);
  }
  const read = new Reader(wrong, saved[key as keyof typeof saved]);
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
  const members = read.at('members').list((member) => memberFrom(member, columns, target));
  if (members.length === 0) throw wrong('must have a network, got none');
  const metrics = read.at('metrics').record((value) => value.number()) as TabularScores;
  return { target, columns, members, metrics, provenance: provenanceFrom(read.at('provenance')) };
}

/** Errors of checkpoints, in the name of the method. */
function inOperation<T>(method: 'save' | 'load', fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof AdjointError) reword(error, error.message.replace(/^\w+:/, `TabularModel.${method}:`));
    throw error;
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

function memberFrom(read: Reader, columns: readonly TabularColumn[], target: Target): TabularMember {
  const features = featuresFrom(read.at('features'), columns);
  const given = read.at('architecture');
  const architecture = architectureOf(features, target, {
    hidden: given.at('hidden').list((width) => width.integer(1, 65_536)),
    dropout: given.at('dropout').number(),
    frequencies: given.at('frequencies').integer(0, 1024),
    sigma: given.at('sigma').number(),
  });
  return { features, network: new TabularNetwork(architecture, parametersFrom(read.at('parameters'), architecture)) };
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

function parametersFrom(read: Reader, architecture: TabularArchitecture): Map<string, Tensor> {
  const given: ReadonlyMap<string, unknown> = read.value instanceof Map ? read.value : new Map();
  const least = architecture.hidden.length + architecture.categories.length;
  if (given.size < least) throw read.wrong(`at least ${least} parameters`, given.size);
  const shapes = shapesOf(architecture);
  const strange = [...given.keys()].find((name) => !shapes.has(name));
  if (strange !== undefined) throw read.wrong('parameters of its network alone', strange);
  for (const [name, shape] of shapes) {
    const t = given.get(name);
    const isRight = t instanceof Tensor && t.dtype === 'float32' && t.shape.join() === shape.join();
    const got = t instanceof Tensor ? `${t.dtype} [${t.shape.join(', ')}]` : t;
    if (!isRight) throw read.wrong(`a float32 tensor ${name} [${shape.join(', ')}]`, got);
  }
  return given as Map<string, Tensor>;
}

/** A value of the JSON with its place in it. */
class Reader {
  constructor(
    private readonly fail: (rule: string) => FileError,
    readonly value: unknown,
    private readonly place = key,
  ) {}

  wrong(rule: string, got = this.value): FileError {
    return this.fail(`must have ${rule} as ${this.place}, got ${show(got)}`);
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
