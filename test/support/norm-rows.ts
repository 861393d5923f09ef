// What the tables of norms share.
import type { Tensor } from '../../lib/tensor.js';
import { type InputSpec, irregular, type OpRow, type Plain } from './harness.js';

// y = (x - mean) / √(var + eps) · weight + bias, where elements with one key share statistics; `channel` tells which weight.
function reference(key: (i: number) => number, channel: (i: number) => number, eps: number, centred = true) {
  return (x: Plain, weight?: Plain, bias?: Plain): Plain => {
    const members = new Map<number, number[]>();
    x.data.forEach((v, i) => {
      members.set(key(i), [...(members.get(key(i)) ?? []), v]);
    });
    const statistics = new Map<number, [number, number]>();
    for (const [k, values] of members) {
      const mean = centred ? values.reduce((a, b) => a + b, 0) / values.length : 0;
      const off = centred ? values.reduce((a, b) => a + (b - mean), 0) / values.length : 0;
      const variance = values.reduce((a, b) => a + (b - mean - off) ** 2, 0) / values.length;
      statistics.set(k, [mean + off, 1 / Math.sqrt(variance + eps)]);
    }
    const magnitude: number[] = [];
    const data = x.data.map((v, i) => {
      const [mean, scale] = statistics.get(key(i)) as [number, number];
      const [w, b] = [weight?.data[channel(i)] ?? 1, bias?.data[channel(i)] ?? 0];
      magnitude.push((Math.abs(v) + Math.abs(mean)) * scale * Math.abs(w) + Math.abs(b));
      return (v - mean) * scale * w + b;
    });
    return { shape: x.shape, data, magnitude };
  };
}

export interface Case {
  shape: number[];
  /** Shape of weight and bias, and which of them there are. */
  affine: number[] | null;
  parts?: string;
  eps?: number;
  gradient?: boolean;
  values?: (i: number) => number;
  /** Layer and RMS norm without weight. */
  normalized?: number[];
  groups?: number;
}

export const offset = (i: number): number => 1000 + irregular(i);
export const equal = (): number => 0.1;

function inputsOf({ shape, affine, parts = 'wb', values }: Case): InputSpec[] {
  const inputs: InputSpec[] = [{ shape, values }];
  if (affine !== null && parts.includes('w')) inputs.push({ shape: affine });
  if (affine !== null && parts.includes('b')) inputs.push({ shape: affine, values: (i) => irregular(i + 5) });
  return inputs;
}

// Weight and bias among the inputs.
function operands({ affine, parts = 'wb' }: Case, rest: Tensor[]): [Tensor | null, Tensor | null] {
  if (affine === null) return [null, null];
  return parts === 'wb'
    ? [rest[0] as Tensor, rest[1] as Tensor]
    : parts === 'w'
      ? [rest[0] as Tensor, null]
      : [null, rest[0] as Tensor];
}

/** A row: elements for which `key` is the same share statistics, `channel` tells which weight an element has. */
export function row(
  name: string,
  c: Case,
  run: (x: Tensor, w: Tensor | null, b: Tensor | null) => Tensor,
  key: (i: number) => number,
  channel: (i: number) => number,
  centred = true,
): OpRow {
  const eps = c.eps ?? 1e-5;
  const want = reference(key, channel, eps, centred);
  const { parts = 'wb' } = c;
  const named =
    `${c.values?.name ?? ''} ${c.affine === null ? 'plain' : parts}${c.groups ? ` ${c.groups}` : ''}`.trim();
  return {
    name: `${name} [${c.shape}] ${named}`,
    run: (x, ...rest) => run(x as Tensor, ...operands(c, rest)),
    inputs: inputsOf(c),
    reference: ((x: Plain, ...rest: Plain[]) =>
      parts === 'b' ? want(x, undefined, rest[0]) : want(x, rest[0], rest[1])) as OpRow['reference'],
    gradient: c.gradient ?? true,
  };
}
