import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/backward/engine.js';
import * as nn from '../../lib/nn/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden } from '../support/golden.js';
import { layers } from '../support/layers.js';

const modules: Record<string, new (options: never) => nn.Module> = {
  relu: nn.ReLU,
  leakyRelu: nn.LeakyReLU,
  elu: nn.ELU,
  selu: nn.SELU,
  gelu: nn.GELU,
  silu: nn.SiLU,
  softplus: nn.Softplus,
  hardtanh: nn.Hardtanh,
  mish: nn.Mish,
  sigmoid: nn.Sigmoid,
  tanh: nn.Tanh,
  softmax: nn.Softmax,
  logSoftmax: nn.LogSoftmax,
};

describe('activation modules against PyTorch', () => {
  for (const c of [...layers.activations.filter((a) => (a as { kind?: string }).kind === 'usual'), ...layers.softmax]) {
    it(`${c.name} ${c.input.dtype} ${JSON.stringify(c.options)} [${c.input.shape}]`, () => {
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = new (modules[c.name] as new (options?: unknown) => nn.Module)(c.options).forward(x) as Tensor;
      expectNear(y, c.output.data);
      backward(y, fromGolden(c.upstream));
      expectNear(x.grad as Tensor, c.gradient.data);
    });
  }

  it('refuse unknown options, and to be without those that they need', () => {
    expect(() => new nn.ELU({ beta: 1 } as never)).toThrow('ELU: unknown option "beta"; known are alpha');
    expect(() => Reflect.construct(nn.ReLU, [{ inplace: true }])).toThrow(
      'ReLU: unknown option "inplace"; leave it out: the result is a new tensor',
    );
    // @ts-expect-error
    expect(() => new nn.Softmax()).toThrow('Softmax: dim must be an integer, got undefined');
    // @ts-expect-error
    expect(() => new nn.LogSoftmax({})).toThrow('LogSoftmax: dim must be an integer, got undefined');
  });
});
