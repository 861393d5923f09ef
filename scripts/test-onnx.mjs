// ONNX in and out against ONNX itself: `npm run test:onnx`. Only the node tests of PyPI's onnx (`-- nodes`), its networks (`-- light`) or
// what is written here (`-- export`), with words behind it what contains one of them. PYTHON names a Python that has PyPI's onnx.
import { checkExports } from './onnx/exports.mjs';
import { checkLight } from './onnx/light.mjs';
import { checkNodes } from './onnx/nodes.mjs';

const parts = { nodes: checkNodes, light: checkLight, export: checkExports };
const [part, ...words] = process.argv.slice(2);
if (part !== undefined && !Object.hasOwn(parts, part)) {
  console.error(`test-onnx: name one of ${Object.keys(parts).join(', ')}, got ${part}`);
  process.exitCode = 1;
} else {
  for (const check of part === undefined ? Object.values(parts) : [parts[part]]) {
    if (!(await check(words, process.env.PYTHON ?? 'python3'))) process.exitCode = 1;
  }
}
