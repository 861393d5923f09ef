// Which format a file has, by what it holds; its name does not count.

import type { FileError } from '../errors.js';
import { isNpz, listNpy, listNpz } from './npy.js';
import { bytesAt, type Reading, sizeOf } from './reading.js';
import { listSafetensors } from './safetensors.js';
import { damaged } from './safetensors-header.js';
import { listShards, readJson } from './shards.js';
import type { Listing } from './stored.js';
import { legacyMagic, listTorch, readTorchLegacy, readTorchZip, rootOf, type TorchContent } from './torch.js';
import { listExported } from './torch-exported.js';
import { listZip } from './zip.js';

/** Formats that are known, for errors. */
const formats = {
  safetensors: 'a safetensors file',
  json: 'a JSON file',
  zip: 'a zip archive',
  torch: 'a PyTorch file',
  pickle: 'a Python pickle',
  npy: 'a NumPy array',
  hdf5: 'an HDF5 file',
  gguf: 'a GGUF file',
  gzip: 'a gzip file',
  tar: 'a tar file',
} as const;

/** @internal */
export type Format = keyof typeof formats;

const begins = (bytes: Buffer, text: string) => bytes.toString('latin1', 0, text.length) === text;

/** @internal The format of a file. What nothing else claims is read as safetensors, whose errors say what is wrong. */
export function* formatOf(path: string): Reading<Format> {
  const size = yield* sizeOf(path);
  const head = yield* bytesAt(path, 0, Math.min(size, 512));
  if (begins(head, '\x89HDF\r\n\x1a\n')) return 'hdf5';
  if (begins(head, 'GGUF')) return 'gguf';
  if (begins(head, 'PK\x03\x04') || begins(head, 'PK\x05\x06')) return 'zip';
  if (begins(head, legacyMagic)) return 'torch';
  if (begins(head, '\x93NUMPY')) return 'npy';
  // A safetensors file that begins like a pickle has a header as long as one of 640 bytes, and an object in it.
  if (head[0] === 0x80 && head[1] !== undefined && head[1] >= 2 && head[1] <= 5 && head[8] !== 0x7b) return 'pickle';
  if (begins(head, '\x1f\x8b')) return 'gzip';
  if (head.toString('latin1', 257, 262) === 'ustar') return 'tar';
  const start = head.toString('latin1', 0, 8);
  // The header of a safetensors file is never so long that its length has no zero byte.
  return /^\s*\{[\s\x21-\x7e]*$/.test(start) && start.length === 8 ? 'json' : 'safetensors';
}

/** @internal `holds a PyTorch zip file`, with what to do about it. */
export function otherFormat(path: string, wanted: string, format: Format, hint: string): FileError {
  return damaged(path, `must be ${wanted}, but holds ${formats[format]}; ${hint}`);
}

const hints: Partial<Record<Format, string>> = {
  pickle: 'only those of torch.save are read; save it with torch.save or safetensors',
  hdf5: 'save the weights as safetensors or .npz, in Keras by model.get_weights()',
  gguf: 'convert it to safetensors with Hugging Face transformers (gguf_file)',
  gzip: 'unpack it first',
  tar: 'unpack it first; of PyTorch before 0.2, load and save it there with a later one',
};

/** @internal What a file holds, in whichever format. */
export function* listFile(path: string): Reading<Listing> {
  const format = yield* formatOf(path);
  return format === 'json' ? yield* listJson(path) : yield* listTensors(path, format);
}

function* listTensors(path: string, format: Format): Reading<Listing> {
  if (format === 'safetensors') return yield* listSafetensors(path);
  const size = yield* sizeOf(path);
  if (format === 'npy') return yield* listNpy(path, size);
  if (format === 'torch') return listTorch(path, yield* readTorchLegacy(path, size));
  if (format === 'zip') return yield* listArchive(path, size);
  throw otherFormat(path, 'a file of tensors', format, hints[format] ?? '');
}

function* listArchive(path: string, size: number): Reading<Listing> {
  const whole = { path, begin: 0, size };
  const entries = yield* listZip(whole);
  if (rootOf(entries) !== undefined) return listTorch(path, yield* readTorchZip(path, size, entries));
  const config = [...entries.values()].find(({ name }) => /(^|\/)weights\/\w*_weights_config\.json$/.test(name));
  if (config !== undefined) return yield* listExported(whole, entries, config);
  if (isNpz(entries)) return yield* listNpz(path, entries);
  const hint = entries.has('model.weights.h5') ? 'it is a Keras model; save its weights as .npz' : 'unpack it first';
  throw otherFormat(path, 'an archive of PyTorch or NumPy', 'zip', hint);
}

/** @internal What a file of PyTorch's holds, with its tensors. */
export function* readTorch(path: string): Reading<TorchContent> {
  const format = yield* formatOf(path);
  const size = yield* sizeOf(path);
  if (format === 'torch') return yield* readTorchLegacy(path, size);
  if (format === 'zip') {
    const entries = yield* listZip({ path, begin: 0, size });
    if (rootOf(entries) !== undefined) return yield* readTorchZip(path, size, entries);
  }
  throw otherFormat(path, 'a file of torch.save', format, 'read it with io.load');
}

function* listShard(path: string): Reading<Listing> {
  return yield* listTensors(path, yield* formatOf(path));
}

function* listJson(path: string): Reading<Listing> {
  const json = yield* readJson(path);
  const { weight_map, weightsManifest } = Object(json) as Record<string, unknown>;
  if (weight_map !== undefined) return yield* listShards(path, json, listShard);
  const hint =
    weightsManifest === undefined
      ? 'load the file of the weights'
      : 'it is a model of TensorFlow.js: make a module of it with models.fromTfjs';
  throw damaged(path, `must be a file of tensors or an index of them (weight_map), but holds other JSON; ${hint}`);
}
