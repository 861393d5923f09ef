// Errors thrown inside a module tell where in the model they were thrown.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  type AdjointError,
  compile,
  matmul,
  nn,
  noGrad,
  ones,
  randn,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { errorOf } from '../support/refusals.js';

const failure = (run: () => unknown): AdjointError => errorOf(run) as AdjointError;
const misfit = 'last dimension of x must be inFeatures 3, got x [2, 4]';

describe('an error has the path of the module that threw it', () => {
  it('through modules of all kinds, in message, stack and modulePath', () => {
    class Net extends nn.Module {
      parts = { body: [nn.sequential(new nn.Identity(), new nn.Linear(3, 1))] };
      forward(x: Tensor): Tensor {
        return (this.parts.body[0] as nn.Module).forward(x);
      }
    }
    class Outer extends nn.Module {
      net = new Net();
      forward(x: Tensor): Tensor {
        return this.net.forward(x);
      }
    }
    const error = failure(() => new Outer().forward(ones([2, 4])));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toBe(`net.parts.body.0.1 (Linear): ${misfit}`);
    expect(error.modulePath).toBe('net.parts.body.0.1');
    expect(error.stack).toContain(`ShapeError: ${error.message}\n`);
    expect(inspect(error)).toContain(error.message);
    expect(inspect(error).match(/Linear: last/g)).toBeNull();
  });

  it('of transformers, also where a linear layer and its activation are one', () => {
    const encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8 }), 3);
    class Net extends nn.Module {
      encoder = encoder;
      forward(x: Tensor): Tensor {
        return this.encoder.forward(x);
      }
    }
    const layer = encoder.layers[2] as unknown as { linear1: nn.Linear; linear2: nn.Linear };
    layer.linear1 = new nn.Linear(3, 8);
    const error = failure(() => new Net().forward(ones([2, 1, 4])));
    expect(error.modulePath).toBe('encoder.layers.2.linear1');
    expect(error.message).toBe(
      'encoder.layers.2.linear1 (Linear): last dimension of x must be inFeatures 3, got x [2, 1, 4]',
    );
  });

  it('of a Linear that runs with the function after it, and of functions', () => {
    const fused = nn.sequential(new nn.Identity(), nn.sequential(new nn.Linear(3, 3), nn.functional.relu));
    expect(failure(() => fused.forward(ones([2, 4]))).message).toBe(`1.0 (Linear): ${misfit}`);
    const product = (x: Tensor): Tensor => matmul(x, ones([3, 3]));
    const error = failure(() => nn.sequential(new nn.Identity(), product).forward(ones([2, 4])));
    expect(error.message).toMatch(/^1 \(product\): matmul: inner dimensions must match/);
    expect(failure(() => nn.sequential((x) => product(x)).forward(ones([2, 4]))).message).toMatch(/^0: matmul: /);
  });

  it('but none where it was thrown by the model itself', () => {
    const error = failure(() => new nn.Linear(3, 1).forward(ones([2, 4])));
    expect(error.message).toBe(`Linear: ${misfit}`);
    expect(error.modulePath).toBeUndefined();
  });

  it('through forward in a field, super.forward, and methods of other names', () => {
    class Wide extends nn.Linear {
      override forward(x: Tensor): Tensor {
        return super.forward(x);
      }
    }
    class Net extends nn.Module {
      inner = new (class extends nn.Module {
        fc = new Wide(3, 1);
        forward = (x: Tensor): Tensor => this.fc.forward(x);
      })();
      forward(x: Tensor): Tensor {
        return this.encode(x);
      }
      encode(x: Tensor): Tensor {
        return this.inner.forward(x);
      }
    }
    expect(failure(() => new Net().forward(ones([2, 4]))).message).toBe(
      'inner.fc (Wide): Linear: last dimension of x must be inFeatures 3, got x [2, 4]',
    );
  });

  it('as far as it is known, of a module that another one makes for itself', () => {
    class Maker extends nn.Module {
      forward(x: Tensor): Tensor {
        return new nn.Linear(3, 1).forward(x);
      }
    }
    const error = failure(() => nn.sequential(nn.sequential(new Maker())).forward(ones([2, 4])));
    expect([error.modulePath, error.message]).toEqual(['0.0', `0.0 (Maker): Linear: ${misfit}`]);
  });

  it('of other errors in modulePath alone', () => {
    const thrown: unknown[] = [new TypeError('mine'), Object.freeze(new Error('frozen')), 'a text', null];
    class Thrower extends nn.Module {
      what: unknown;
      forward(): never {
        throw this.what;
      }
    }
    const part = new Thrower();
    const net = nn.sequential(new nn.Identity(), part);
    for (const what of thrown) {
      part.what = what;
      expect(errorOf(() => net.forward(ones([1])))).toBe(what);
    }
    expect(thrown[0]).toMatchObject({ message: 'mine', modulePath: '1' });
    expect((thrown[1] as Error).message).toBe('frozen');
    // Thrown again, from elsewhere.
    part.what = thrown[0];
    errorOf(() => nn.sequential(nn.sequential(part)).forward(ones([1])));
    expect(thrown[0]).toMatchObject({ modulePath: '0.0' });
  });
});

describe('in a compiled function', () => {
  const net = nn.sequential(new nn.Identity(), nn.sequential(new nn.Embedding(5, 2), nn.functional.relu));
  const index = (...values: number[]): Tensor => tensor(Int32Array.from(values));

  it('errors are located while it is recorded', () => {
    const f = compile((x: Tensor) => noGrad(() => net.forward(x)));
    const eager = failure(() => net.forward(ones([2])));
    const error = failure(() => f.sync(ones([2])));
    expect(error.message).toBe(eager.message);
    expect(error.modulePath).toBe('1.0');
    expect(error.message).toMatch(/^1\.0 \(Embedding\): index must be int32/);
  });

  it('and so are those that a replay finds', async () => {
    const f = compile((x: Tensor) => noGrad(() => net.forward(x)));
    expect(f.sync(index(1, 2)).shape).toEqual([2, 2]);
    const eager = failure(() => net.forward(index(1, 9)));
    expect(eager.message).toMatch(/^1\.0 \(Embedding\): .*9/);
    for (const error of [failure(() => f.sync(index(1, 9))), await f(index(1, 9)).catch((e: unknown) => e)]) {
      expect(error).toMatchObject({ message: eager.message, modulePath: '1.0', code: eager.code });
    }
  });
});

it('forward is called with what it is given, and keeps its name and length', () => {
  const seen: unknown[][] = [];
  class Net extends nn.Module {
    forward(a?: unknown, b = 'default', ...rest: unknown[]): number {
      // biome-ignore lint/complexity/noArguments: what is tested
      seen.push([this, arguments.length, a, b, ...rest]);
      return seen.length;
    }
  }
  const net = new Net();
  const calls: [unknown?, string?, ...unknown[]][] = [[], [1], [1, undefined], [1, 'b'], [1, 'b', 2, 3]];
  calls.forEach((inputs, i) => {
    expect(net.forward(...inputs)).toBe(i + 1);
  });
  expect(seen).toEqual([
    [net, 0, undefined, 'default'],
    [net, 1, 1, 'default'],
    [net, 2, 1, 'default'],
    [net, 2, 1, 'b'],
    [net, 4, 1, 'b', 2, 3],
  ]);
  expect([net.forward.name, net.forward.length]).toEqual(['forward', 1]);
  expect(new nn.Dropout().forward(randn([2])).shape).toEqual(zeros([2]).shape);
});

it('a class that is called without new, and a module without forward, are told', () => {
  const text = (run: () => unknown) => failure(run).message;
  for (const [name, run] of Object.entries({ ReLU: nn.ReLU, Softmax: nn.Softmax, Parameter: nn.Parameter })) {
    expect(text(run as unknown as () => unknown)).toBe(
      `${name}: a class must be called with new; write new nn.${name}(…)`,
    );
  }
  const tanh = new nn.Tanh();
  expect([tanh.constructor, tanh instanceof nn.Tanh, nn.Tanh.name]).toEqual([nn.Tanh, true, 'Tanh']);
  expect(new (class Wide extends nn.ReLU {})().forward(tensor([-1])).item()).toBe(0);
  class Empty extends (nn.Module as unknown as new () => nn.Identity) {}
  expect(text(() => nn.sequential(new nn.Identity(), new Empty()).forward(ones([1])))).toBe(
    '1 (Empty): a module is called by its method forward, which it does not have',
  );
});
