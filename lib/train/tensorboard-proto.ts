// The few Protocol Buffers messages that TensorBoard reads. Their encoding is a tag (number of the field, kind of its value), then the
// value; a library for it would be larger than this file, and would need the same lists of fields.
// https://protobuf.dev/programming-guides/encoding

/** A message, or a part of one. */
export type Bytes = Uint8Array;

const tag = (field: number, kind: number): Bytes => varint(field * 8 + kind);

/** An integer from 0 to 2^53 - 1. */
function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** A message of fields, in their order. */
export const message = (...fields: readonly (Bytes | readonly Bytes[])[]): Bytes =>
  new Uint8Array(Buffer.concat(fields.flat() as Bytes[]));

/** Fields of each kind: the number, then the value. */
export const integer = (field: number, value: number): Bytes => message(tag(field, 0), varint(value));
export const bytes = (field: number, value: Bytes): Bytes => message(tag(field, 2), varint(value.length), value);
export const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value));

export function double(field: number, value: number): Bytes {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return message(tag(field, 1), buffer);
}

export function float(field: number, value: number): Bytes {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return message(tag(field, 5), buffer);
}

/** A list of doubles, without a tag for each. */
export function doubles(field: number, values: readonly number[]): Bytes {
  const buffer = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) buffer.writeDoubleLE(value, 8 * i);
  return bytes(field, buffer);
}

/** tensorflow.Event: what a file consists of. */
export const event = {
  /** The first one of a file. */
  version: (time: number) => message(double(1, time), text(3, 'brain.Event:2')),
  summary: (time: number, step: number, values: readonly Bytes[]) =>
    message(double(1, time), integer(2, step), bytes(5, message(values.map((value) => bytes(1, value))))),
  /** What other files have for this step and later ones is void: a SessionLog whose status is START. */
  restart: (time: number, step: number) => message(double(1, time), integer(2, step), bytes(7, integer(1, 1))),
  graph: (time: number, graphDef: Bytes) => message(double(1, time), bytes(4, graphDef)),
};

// tensorflow.SummaryMetadata: which of TensorBoard's pages shows a value.
const metadata = (plugin: string, content?: Bytes): Bytes =>
  bytes(9, bytes(1, message(text(1, plugin), content === undefined ? [] : bytes(2, content))));

/** What a histogram shows: counts up to each limit. */
export interface HistogramParts {
  min: number;
  max: number;
  count: number;
  sum: number;
  sumSquares: number;
  limits: readonly number[];
  counts: readonly number[];
}

/** tensorflow.Summary.Value, of each kind. */
export const value = {
  scalar: (name: string, v: number) => message(text(1, name), float(2, v)),
  image: (name: string, o: { height: number; width: number; channels: number; png: Bytes }) =>
    message(
      text(1, name),
      bytes(4, message(integer(1, o.height), integer(2, o.width), integer(3, o.channels), bytes(4, o.png))),
    ),
  histogram: (name: string, h: HistogramParts) =>
    message(
      text(1, name),
      bytes(
        5,
        message(
          [h.min, h.max, h.count, h.sum, h.sumSquares].map((v, i) => double(i + 1, v)),
          doubles(6, h.limits),
          doubles(7, h.counts),
        ),
      ),
    ),
  // A tensor of one string: dtype 7, shape [1].
  text: (name: string, v: string) =>
    message(
      text(1, `${name}/text_summary`),
      bytes(8, message(integer(1, 7), bytes(2, bytes(2, integer(1, 1))), text(8, v))),
      metadata('text', integer(1, 0)),
    ),
};

/** A hyperparameter. */
export type Hparam = number | string | boolean;

/** The values that tell the page of hyperparameters about a run. */
export function hparamValues(hparams: Readonly<Record<string, Hparam>>, metrics: readonly string[]): Bytes[] {
  const types = { string: 1, boolean: 2, number: 3 };
  const kindOf = (v: Hparam) => types[typeof v as 'number'];
  const protoValue = (v: Hparam): Bytes =>
    typeof v === 'number' ? double(2, v) : typeof v === 'string' ? text(3, v) : integer(4, Number(v));
  const entries = Object.entries(hparams);
  const infos = entries.map(([name, v]) => bytes(4, message(text(1, name), integer(4, kindOf(v)))));
  const measured = metrics.map((name) => bytes(5, bytes(1, text(2, name))));
  const started = entries.map(([name, v]) => bytes(1, message(text(1, name), bytes(2, protoValue(v)))));
  const of = (name: string, field: number, content: Bytes): Bytes =>
    message(text(1, `_hparams_/${name}`), metadata('hparams', message(integer(1, 0), bytes(field, content))));
  return [
    of('experiment', 2, message(infos, measured)),
    of('session_start_info', 3, message(started)),
    of('session_end_info', 4, integer(1, 1)),
  ];
}

/** A node of a graph: an operation or a tensor, and what it is computed from. */
export interface GraphNode {
  /** Slashes make groups. */
  name: string;
  op: string;
  inputs: readonly string[];
  shape: readonly number[];
}

/** tensorflow.GraphDef. */
export function graphDef(nodes: readonly GraphNode[]): Bytes {
  const shapeOf = (shape: readonly number[]): Bytes => message(shape.map((n) => bytes(2, integer(1, n))));
  const attribute = (key: string, v: Bytes): Bytes => bytes(5, message(text(1, key), bytes(2, v)));
  const list = nodes.map(({ name, op, inputs, shape }) =>
    bytes(
      1,
      message(
        text(1, name),
        text(2, op),
        inputs.map((input) => text(3, input)),
        attribute('_output_shapes', bytes(1, bytes(7, shapeOf(shape)))),
      ),
    ),
  );
  return message(list, bytes(4, integer(1, 22)));
}
