// ONNX in and out against ONNX itself: `npm run test:onnx` all of it, `-- nodes` only the node tests of PyPI's onnx, `-- export` only
// what is written here. PYTHON names a Python that has PyPI's onnx; with further words, only what contains one of them.
import { checkExports } from './onnx/exports.mjs';
import { checkNodes } from './onnx/nodes.mjs';

const parts = { nodes: checkNodes, export: checkExports };
const [part, ...words] = process.argv.slice(2);
if (part !== undefined && !Object.hasOwn(parts, part)) {
  console.error(`test-onnx: name one of ${Object.keys(parts).join(', ')}, got ${part}`);
  process.exitCode = 1;
} else {
  for (const check of part === undefined ? Object.values(parts) : [parts[part]]) {
    if (!(await check(words, process.env.PYTHON ?? 'python3'))) process.exitCode = 1;
  }
}
