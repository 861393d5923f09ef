import { describe, expect, it } from 'vitest';
import { arange, nn, randn, type Tensor, tensor } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Row {
  options: { batchFirst?: boolean; normFirst?: boolean };
  masks: { tgtMask?: boolean; memoryKeyPaddingMask?: boolean };
  keys: string[];
  src: Golden;
  tgt: Golden;
  y: Golden;
  gradient: Golden;
}

describe('nn.Transformer', () => {
  it.each(readGolden<{ rows: Row[] }>('transformer').rows)('against PyTorch: $options $masks', (row) => {
    const model = new nn.Transformer(4, 2, 2, 1, 6, 0, { ...row.options, dtype: 'float64' }).eval();
    expect([...model.stateDict().keys()].sort()).toEqual([...row.keys].sort());
    const weights = new Map(
      row.keys.map((key, i) => {
        const own = model.stateDict().get(key) as Tensor;
        const flat = arange(own.size, { dtype: 'float64' })
          .mul(37)
          .add(i * 11)
          .remainder(101)
          .div(101)
          .sub(0.5);
        return [key, flat.reshape(own.shape)];
      }),
    );
    model.loadStateDict(weights);
    const src = fromGolden(row.src, { requiresGrad: true });
    const padding = tensor([0, 0, 0, 0, 1, 0, 0, 1, 1, 1], { dtype: 'uint8', shape: [2, 5] });
    const y = model.forward(src, fromGolden(row.tgt), {
      ...(row.masks.tgtMask ? { tgtMask: nn.Transformer.generateSquareSubsequentMask(3).double() } : {}),
      ...(row.masks.memoryKeyPaddingMask ? { memoryKeyPaddingMask: padding, srcKeyPaddingMask: padding } : {}),
    });
    const limit = (got: Tensor, want: Golden): void => {
      want.data.forEach((w, i) => void expect(got.data[i]).toBeCloseTo(Number(w), 10));
    };
    limit(y, row.y);
    y.square().sum().backward();
    limit(src.grad as Tensor, row.gradient);
    expectNear(src, row.src.data);
  });

  it('the causal flag is that mask; custom parts are used', () => {
    const model = new nn.Transformer(4, 2, 1, 1, 8, { dropout: 0, batchFirst: true });
    const [src, tgt] = [randn(2, 5, 4), randn(2, 3, 4)];
    const masked = model.forward(src, tgt, { tgtMask: nn.Transformer.generateSquareSubsequentMask(3) });
    const difference = model.forward(src, tgt, { tgtIsCausal: true }).sub(masked).abs().max().item();
    expect(difference).toBeLessThan(1e-5);
    class First extends nn.Module {
      forward(x: Tensor): Tensor {
        return x.mul(0);
      }
    }
    const encoder = new First();
    const custom = new nn.Transformer(4, 2, 1, 1, 8, { customEncoder: encoder, dropout: 0, batchFirst: true });
    expect(custom.encoder).toBe(encoder);
    expect(custom.forward(src, tgt).shape).toEqual([2, 3, 4]);
    expect(nn.Transformer.generateSquareSubsequentMask(2).toArray()).toEqual([
      [0, -Infinity],
      [0, 0],
    ]);
  });

  it('wrong input', () => {
    expect(() => new nn.Transformer(4, 3)).toThrow('Transformer: nhead must divide dModel, got nhead 3, dModel 4');
    expect(() => new nn.Transformer(4, 2, 0)).toThrow('Transformer: numEncoderLayers must be an integer of at least 1');
    expect(() => new nn.Transformer({ customEncoder: 3 as never, dModel: 4, nhead: 2 })).toThrow(
      'Transformer: customEncoder must be a module, got 3',
    );
  });
});
