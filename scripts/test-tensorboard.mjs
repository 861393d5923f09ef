// Has TensorBoard's own reader read what train.TensorBoard writes, and compares it with test/golden/tensorboard.json. It needs a Python
// that has PyPI's tensorboard: PYTHON names it, default python3.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './steps.mjs';

const script = join(root, 'test', 'golden', 'make_tensorboard.py');
const { status, error } = spawnSync(process.env.PYTHON ?? 'python3', [script, '--check'], { stdio: 'inherit' });
if (error !== undefined) console.error(`${error.message}; set PYTHON to a Python that has the package tensorboard`);
process.exitCode = status ?? 1;
