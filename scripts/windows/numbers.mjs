// Prints what must be the same on each system at one level: hashes of random numbers and products, and the losses of 100
// steps of training a network of 784-128-10.
import { createHash } from 'node:crypto';
import { buildInfo, Generator, manualSeed, matmul, nn, optim, rand, randint, randn, zeros } from 'adjoint';

const hash = (...tensors) => {
  const sum = createHash('sha256');
  for (const { data } of tensors) sum.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return sum.digest('hex').slice(0, 16);
};

manualSeed(7);
const random = hash(rand([100_003]), randn([100_003]), randint(-5, 1000, [1001]), zeros([1001]).bernoulli_(0.3));
const generator = new Generator(3);
const products = {};
const shapes = [
  [64, 128, 784],
  [784, 128, 64],
  [512, 512, 512],
  [33, 17, 129],
  [1, 300, 700],
  [300, 1, 700],
  [1, 1, 5000],
  [5, 7, 3],
];
for (const dtype of ['float32', 'float64']) {
  for (const [m, n, k] of shapes) {
    const a = randn([m, k], { dtype, generator });
    const b = randn([k, n], { dtype, generator });
    const [at, bt] = [a, b].map((t) => t.transpose(0, 1).contiguous().transpose(0, 1));
    const all = [matmul(a, b), matmul(at, b), matmul(a, bt), matmul(at, bt)];
    products[`${dtype} ${m}×${n}×${k}`] = hash(...all);
  }
}

const model = nn.sequential(new nn.Linear(784, 128), nn.functional.relu, new nn.Linear(128, 10));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
const [x, y] = [randn([64, 784]), randint(0, 10, [64])];
const losses = Array.from({ length: 100 }, () => {
  const loss = nn.functional.crossEntropy(model.forward(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss.item();
});
const { isa, blasCore } = buildInfo();
console.log(JSON.stringify({ isa, core: blasCore, random, products, losses }));
