// What cannot be compiled, and wrong use of compiled functions: typed errors with their whole texts, state unharmed.
import { describe, expect, it } from 'vitest';
import {
  add,
  compile,
  grad,
  manualSeed,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  StateError,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { message } from '../support/compiled.js';

const x = ones([2]);
const model = new nn.Linear(2, 1);
const reads = 'reads a value while a step is being recorded, and a replayed step runs without JavaScript';
const result = 'return the tensor from the function and read the result';
const outside =
  'compile: parameters, buffers, optimizers, generators and shuffled loaders must be made outside of the compiled function; make them once before';
const lost = ones([2]);
lost.dispose();
const onGraph = mul(ones([2], { requiresGrad: true }), 2);
const other = compile((t: Tensor) => mul(t, 2));
other.sync(x);

const refused: [string, (t: Tensor) => unknown, string][] = [
  ['item', (t) => t.sum().item(), `item: ${reads}; ${result}`],
  ['data', (t) => t.data, `data: ${reads}; ${result}`],
  ['toArray', (t) => t.toArray(), `toArray: ${reads}; ${result}`],
  ['toTypedArray', (t) => t.toTypedArray(), `toTypedArray: ${reads}; ${result}`],
  ['copyTo', (t) => t.copyTo(new Float32Array(2)), `copyTo: ${reads}; ${result}`],
  ['reading a captured tensor', () => x.data, `data: ${reads}; ${result}`],
  [
    'a promise',
    (t) => Promise.resolve(t),
    'compile: fn must be synchronous, got one that returns a promise; await outside of it',
  ],
  [
    'a number as result',
    () => 3,
    'compile: the result must be a tensor, or arrays and plain objects of tensors, got 3; it would be the same at every call: return a tensor',
  ],
  [
    'a compiled step inside',
    (t) => other.sync(t),
    'compile: a step must not be called while another one is being recorded; call its function',
  ],
  ['a parameter made inside', () => new nn.Parameter(ones([1])), outside],
  ['a layer made inside', () => new nn.Linear(1, 1), outside],
  ['an optimizer made inside', () => new optim.SGD(model.parameters(), { lr: 1 }), outside],
  [
    'an argument changed',
    (t) => add(t.add_(1), 1),
    'compile: addScaled changes an argument of the step in place; change a clone()',
  ],
  [
    'a seed set',
    (t) => (manualSeed(1) === null ? t : t),
    "compile: constant writes a generator's state or a number of the step; seed generators outside",
  ],
  [
    'a disposed tensor',
    (t) => add(t, lost),
    'disposed tensor: float32 [2] was disposed or left its scope; return it from the scope or keep a clone()',
  ],
  [
    'a graph from outside',
    (t) => add(t, onGraph),
    'compile: a tensor from outside, the result of mul, must not be on a graph; compute it inside, or use its detach()',
  ],
];

describe('while recording', () => {
  it.each(refused)('%s', (_, fn, text) => {
    const step = compile((t: Tensor) => fn(t) as Tensor);
    const before = x.toArray();
    for (let i = 0; i < 2; i++) {
      expect(message(() => step.sync(ones([2])))).toBe(text);
      expect(x.toArray()).toEqual(before);
    }
    // Nothing is left behind: tensors are made, recorded and read as before.
    expect(
      compile((t: Tensor) => add(t, 1))
        .sync(x)
        .toArray(),
    ).toEqual([2, 2]);
  });

  it.each(refused)('%s, awaited', async (_, fn, text) => {
    const step = compile((t: Tensor) => fn(t) as Tensor);
    await expect(step(ones([2]))).rejects.toThrow(text);
  });

  it('printing a tensor shows no values', () => {
    const texts: string[] = [];
    const step = compile((t: Tensor) => {
      try {
        texts.push(`${t}`);
      } catch (error) {
        expect(error).toBeInstanceOf(StateError);
        texts.push((error as Error).message);
      }
      return t;
    });
    step.sync(x);
    expect(texts[0]).not.toMatch(/\[1, 1\]/);
  });

  it('oneHot without classes', () => {
    const step = compile((t: Tensor) => t.oneHot());
    expect(message(() => step.sync(tensor(Int32Array.of(0, 2))))).toMatch(/^oneHot: reads a value while/);
  });
});

describe('gradients', () => {
  it('left uncleared', () => {
    const step = compile((t: Tensor) => model.forward(t).sum().backward());
    model.zeroGrad();
    expect(message(() => step.sync(x))).toBe(
      'compile: fn leaves the gradient of a parameter [1], to which the next step would add; call zeroGrad() in it before backward()',
    );
    expect(model.weight.grad).toBeNull();
  });

  it('from outside', () => {
    const optimizer = new optim.SGD(model.parameters(), { lr: 0 });
    const step = compile(() => optimizer.step());
    model.forward(x).sum().backward();
    const kept = model.weight.grad;
    expect(message(() => step.sync())).toBe(
      'SGD: the gradient of a parameter [1, 2] comes from outside of the compiled function; call zeroGrad() in it before backward()',
    );
    expect(model.weight.grad).toBe(kept);
    model.zeroGrad();
  });

  it('are null afterwards, unless returned', () => {
    const step = compile((t: Tensor) => {
      model.zeroGrad();
      model.forward(t).sum().backward();
      return model.weight.grad as Tensor;
    });
    for (let i = 1; i <= 3; i++) {
      const returned = step.sync(ones([2]).mul(i));
      expect(model.weight.grad).toBe(returned);
      expect(returned.toArray()).toEqual([[i, i]]);
      expect(model.bias?.grad).toBeNull();
    }
    model.zeroGrad();
  });

  it('of an eager graph, after a step changed what it needs', () => {
    const w = new nn.Parameter(ones([2]));
    const step = compile((t: Tensor) => void noGrad(() => w.add_(t)));
    step.sync(x);
    const y = mul(w, w).sum();
    step.sync(x);
    expect(message(() => y.backward())).toMatch(/^backward of mul: a tensor that it needs .* was changed in place/);
  });
});

describe('tensors that escape from a recording', () => {
  const text = (shape: string) =>
    `ended tensor: float32 ${shape} was made while a step was recorded; return it from the compiled function and use the result`;

  it('are refused, also when their places have others', () => {
    const escaped: Tensor[] = [];
    const step = compile((t: Tensor) => {
      const y = mul(t, 2);
      const leaf = ones([2], { requiresGrad: true });
      const [g] = grad([mul(leaf, t).sum()], [leaf]);
      escaped.push(t, y, y.reshape([1, 2]), y.detach(), g as Tensor, leaf);
      return y;
    });
    step.sync(x);
    const others = Array.from({ length: 3000 }, (_, i) => tensor([i, i]));
    for (const t of escaped) {
      expect(t.disposed).toBe(true);
      for (const use of [() => t.item(), () => t.data, () => add(t, 1), () => t.fill_(0), () => step.sync(t)]) {
        if (t.size !== 1 && String(use).includes('item')) continue;
        const got = message(use);
        // An argument's copy is the library's own and is disposed of.
        if (t !== escaped[0]) expect(got).toBe(text(`[${t.shape.join(', ')}]`));
        else expect(got).toMatch(/^disposed tensor|^ended tensor/);
      }
      t.dispose();
    }
    others.forEach((t, i) => {
      expect(t.toArray()).toEqual([i, i]);
    });
  });
});

describe('arguments and captured tensors', () => {
  it('disposed since', async () => {
    const captured = ones([2]);
    const step = compile((t: Tensor) => add(t, captured));
    step.sync(x);
    const given = ones([2]);
    given.dispose();
    const disposed =
      'disposed tensor: float32 [2] was disposed or left its scope; return it from the scope or keep a clone()';
    expect(message(() => step.sync(given))).toBe(disposed);
    captured.dispose();
    const text = 'compile: a tensor that the step uses was disposed; compile the function again with a live one';
    expect(message(() => step.sync(x))).toBe(text);
    await expect(step(x)).rejects.toThrow(text);
    await expect(step.run([[x]])).rejects.toThrow(text);
  });

  it('that the step itself changes', () => {
    const w = zeros([2]);
    const step = compile((t: Tensor) => void noGrad(() => w.add_(t)));
    step.sync(x);
    expect(message(() => step.sync(w))).toBe(
      'compile: tensor 0 of the arguments is one that the step changes; pass its clone()',
    );
    expect(w.toArray()).toEqual([1, 1]);
  });

  it('on a graph', () => {
    expect(message(() => compile((t: Tensor) => mul(t, 2)).sync(onGraph))).toBe(
      'compile: arguments must not be on a graph, got [2] from mul; pass its detach()',
    );
  });

  it('nothing works once it was disposed', async () => {
    const step = compile((t: Tensor) => mul(t, 2));
    step.sync(x);
    step.dispose();
    step.dispose();
    const text = 'compile: the step was disposed; compile the function again';
    expect(message(() => step.sync(x))).toBe(text);
    expect(message(() => step.describe())).toBe(text);
    expect(message(() => step.profile(x))).toBe(text);
    await expect(step(x)).rejects.toThrow(text);
    await expect(step.run([[x]])).rejects.toThrow(text);
  });

  it('random numbers go on where they were before a failed recording', () => {
    manualSeed(3);
    const draw = compile(() => {
      randn([3]);
      throw new Error('mine');
    });
    expect(message(() => draw.sync())).toBe('mine');
    const got = randn([3]).toArray();
    manualSeed(3);
    expect(got).toEqual(randn([3]).toArray());
  });
});
