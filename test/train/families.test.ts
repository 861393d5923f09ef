// The networks of the benchmark's W4 to W7, one of each family, against their twins in PyTorch over 20 steps from the same
// weights and data; test/golden/make_families.py made the losses.
import { compile, noGrad, type Tensor, tensor } from 'adjoint';
import { describe, expect, it } from 'vitest';
import { familyTraining } from '../../bench/families.js';
import { readGolden } from '../support/golden.js';

interface Twin {
  name: string;
  size: number;
  shape: number[];
  period: number;
  losses: number[];
}

const golden = readGolden<{ batches: number; workloads: Twin[] }>('families');
const kRelative = 1e-3;

/** As in make_families.py: numbers in (-1, 1). */
function parkMiller(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 1073741823.5 - 1;
  };
}

const isFactor = (name: string): boolean => name.endsWith('weight');

function fill(model: { namedParameters(): [string, Tensor][] }): void {
  const draw = parkMiller(1);
  noGrad(() => {
    for (const [name, parameter] of model.namedParameters()) {
      const matrix = parameter.rank > 1;
      const scale = matrix ? Math.sqrt(3 / (parameter.size / (parameter.shape[0] as number))) : 0.1;
      const offset = !matrix && isFactor(name) ? 1 : 0;
      parameter.copy_(Float32Array.from({ length: parameter.size }, () => offset + scale * draw()));
    }
  });
}

function* samples({ size, shape, period }: Twin): Generator<[Tensor, Tensor]> {
  const draw = parkMiller(2);
  const features = shape.reduce((a, b) => a * b);
  const patterns = Array.from({ length: 10 }, () => Array.from({ length: period }, draw));
  for (let batch = 0; batch < golden.batches; batch++) {
    const labels = Int32Array.from({ length: size }, () => Math.floor(5 * (draw() + 1)));
    const x = Float32Array.from({ length: size * features }, (_, i) => {
      const pattern = patterns[labels[Math.floor(i / features)] as number] as number[];
      return (pattern[(i % features) % period] as number) + draw();
    });
    yield [tensor(x, { shape: [size, ...shape] }), tensor(labels)];
  }
}

function* texts({ size, shape }: Twin): Generator<[Tensor, Tensor]> {
  const draw = parkMiller(2);
  const length = shape[0] as number;
  for (let batch = 0; batch < golden.batches; batch++) {
    const x = new Int32Array(size * length);
    const y = new Int32Array(size * length);
    for (let row = 0; row < size; row++) {
      let token = Math.floor(32 * (draw() + 1));
      for (let i = row * length; i < (row + 1) * length; i++) {
        x[i] = token;
        token = (3 * token + 1 + Math.floor(2 * (draw() + 1))) % 65;
        y[i] = token;
      }
    }
    yield [tensor(x, { shape: [size, length] }), tensor(y, { shape: [size, length] })];
  }
}

/** The losses of the steps, and the parameters after them. */
async function run(twin: Twin, compiled: boolean): Promise<{ losses: number[]; state: Tensor[] }> {
  const { model, step } = familyTraining(twin.name);
  fill(model);
  const data = [...(twin.period > 0 ? samples(twin) : texts(twin))];
  const steps = twin.losses.map((_, i) => data[i % data.length] as [Tensor, Tensor]);
  const losses: number[] = [];
  if (compiled) await compile(step).run(steps, { onStep: (loss) => void losses.push((loss as Tensor).item()) });
  else for (const [x, y] of steps) losses.push(step(x, y).item());
  return { losses, state: [...model.stateDict().values()] };
}

const bytes = (t: Tensor): Buffer => Buffer.from(t.toTypedArray().slice().buffer);

describe.each(golden.workloads)('$name', (twin) => {
  it("has PyTorch's losses, and the same bits when compiled", async () => {
    const eager = await run(twin, false);
    expect(eager.losses.length).toBe(20);
    const apart = eager.losses.map((loss, i) => Math.abs(loss / (twin.losses[i] as number) - 1));
    expect(Math.max(...apart), `losses ${eager.losses}`).toBeLessThan(kRelative);

    const compiled = await run(twin, true);
    expect(compiled.losses).toEqual(eager.losses);
    const differing = eager.state.filter((t, i) => !bytes(t).equals(bytes(compiled.state[i] as Tensor)));
    expect(differing).toEqual([]);
  });
});
