// The first NaN of a step is an error that says where it came from.
import { describe, expect, it } from 'vitest';
import { autograd, compile, nn, type Tensor, tensor } from '../../lib/index.js';

const { detectAnomaly } = autograd;

class Root extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.sqrt();
  }
}

describe('detectAnomaly', () => {
  it('forward: names the operation, the element and the layer', () => {
    const model = new nn.Sequential(new nn.Identity(), new Root());
    expect(() => detectAnomaly(() => model.forward(tensor([1, -4])))).toThrow(
      '1 (Root): detectAnomaly: sqrt [2] gave NaN (element 1); its inputs have none',
    );
    expect(() => detectAnomaly(() => tensor([Number.NaN]).mul(2))).toThrow(
      'detectAnomaly: mul [1] gave NaN (element 0); input 0 has one already',
    );
  });

  it('backward: names the operation whose gradient is NaN, and the layers that ran it', () => {
    const model = new nn.Sequential(new nn.Identity(), new Root());
    const x = tensor([0, 4], { requiresGrad: true });
    // √x · 0 has the value 0; its gradient is 0 / 0 at 0.
    expect(() => detectAnomaly(() => model.forward(x).mul(0).sum().backward())).toThrow(
      'detectAnomaly: the gradient of sqrt [2] for input 0 is NaN (element 0); its upstream gradient has none; the operation ran in Sequential > Root',
    );
    expect(x.grad).toBeNull();
  });

  it('returns what the function returns, and ends with it', () => {
    expect(detectAnomaly(() => tensor([4]).sqrt().item())).toBe(2);
    expect(() => detectAnomaly(() => tensor([-1]).sqrt())).toThrow();
    expect(tensor([-1]).sqrt().item()).toBeNaN();
  });

  it('not in a recorded step, not for async functions', () => {
    const step = compile((x: Tensor) => detectAnomaly(() => x.mul(2)));
    expect(() => step.sync(tensor([1]))).toThrow('detectAnomaly: reads values, which a recorded step has not yet');
    expect(() => detectAnomaly(async () => 1)).toThrow('detectAnomaly: fn must be synchronous');
  });
});
