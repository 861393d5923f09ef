// Models from PyTorch to adjoint and back: `npm run test:roundtrips`. LeNet, ResNet-18, an LSTM, BERT and GPT-2, as safetensors and
// `.pt`: outputs must be within 1e-5, and each tensor that comes back must be equal in name, dtype and values. PYTHON names a
// Python that has torch, torchvision, transformers and safetensors.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, models, nn, noGrad } from '../dist/adjoint.js';
import { root } from './steps.mjs';

const most = 1e-5;
const folder = mkdtempSync(join(tmpdir(), 'roundtrips-'));

function python(mode) {
  const script = join(root, 'test/golden/make_roundtrips.py');
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '', TOKENIZERS_PARALLELISM: 'false' };
  const { status, stdout, error } = spawnSync(process.env.PYTHON ?? 'python3', [script, mode, folder], {
    ...{ env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  });
  if (status === 0) return stdout;
  throw new Error(
    `${error?.message ?? `Python ended with ${status}`}; set PYTHON to one that has torch, torchvision, transformers and safetensors`,
  );
}

class Recurrent extends nn.Module {
  lstm = new nn.LSTM(5, 16, { numLayers: 2, batchFirst: true, bidirectional: true });
  fc = new nn.Linear(32, 3);

  forward(x) {
    const y = this.lstm.forward(x)[0];
    return this.fc.forward(y.select(1, y.shape[1] - 1));
  }
}

const lenet = () =>
  nn.sequential(
    ...[new nn.Conv2d(1, 6, 5, { padding: 2 }), new nn.Tanh(), new nn.AvgPool2d(2)],
    ...[new nn.Conv2d(6, 16, 5), new nn.Tanh(), new nn.AvgPool2d(2), new nn.Flatten()],
    ...[new nn.Linear(400, 120), new nn.Tanh(), new nn.Linear(120, 84), new nn.Tanh(), new nn.Linear(84, 10)],
  );
const sizes = { vocabSize: 200, maxPositionEmbeddings: 64 };
const makers = {
  lenet,
  resnet18: () => models.resnet18({ numClasses: 10 }),
  lstm: () => new Recurrent(),
  bert: () =>
    new models.BertModel({ ...sizes, hiddenSize: 48, numHiddenLayers: 3, numAttentionHeads: 4, intermediateSize: 96 }),
  gpt2: () => new models.GPT2LMHeadModel({ vocabSize: 200, nEmbd: 48, nLayer: 3, nHead: 4, nPositions: 64 }),
};

function firstTensor(y) {
  if (Array.isArray(y)) return firstTensor(y[0]);
  return y.lastHiddenState ?? y.logits ?? y;
}

let failures = 0;
function report(what, isRight, text) {
  if (!isRight) failures += 1;
  console.log(`${isRight ? 'ok  ' : 'FAIL'} ${what}: ${text}`);
}

try {
  python('make');
  for (const [name, make] of Object.entries(makers)) {
    const example = io.load(join(folder, `${name}.example.safetensors`));
    for (const form of ['safetensors', 'pt']) {
      const state = io.load(join(folder, `${name}.${form}`));
      const model = make();
      model.loadStateDict(state);
      const y = noGrad(() => firstTensor(model.eval().forward(example.get('x'))));
      const error = y.sub(example.get('y')).abs().max().item();
      report(
        `PyTorch → adjoint, ${name}.${form}`,
        error <= most,
        `${state.size} tensors, outputs within ${error.toExponential(1)}`,
      );
      io.save(join(folder, `${name}.back.${form}`), model.stateDict());
    }
  }
  for (const [name, { tensors, different, error }] of Object.entries(JSON.parse(python('check')))) {
    const text = `${tensors} tensors, ${different.length} different${different.slice(0, 3).map((key) => ` ${key}`)}, outputs within ${error.toExponential(1)}`;
    report(`adjoint → PyTorch, ${name}`, different.length === 0 && error <= most, text);
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = failures === 0 ? 0 : 1;
