// The files of TensorBoard's embedding projector: vectors and their labels as tables, and a list of both.
import { join } from 'node:path';
import { ArgumentError, checkEach, checkInteger, checkText, describe, formatShape, ShapeError } from '../errors.js';
import { writeFileAtomic } from '../io/atomic.js';
import { systemError } from '../io/files.js';
import { makeFolder } from '../io/make-folder.js';
import { encodePng } from '../io/png.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { spriteOf } from './tensorboard-image.js';

/** Options of {@link TensorBoard.addEmbedding}. */
export interface EmbeddingOptions {
  /** A label for each row, or with `metadataHeader` several. */
  metadata?: readonly string[] | readonly (readonly string[])[];
  /** The names of the columns of `metadata`, where there are several. */
  metadataHeader?: readonly string[];
  /** An image for each row: [rows, channels, height, width], 1 or 3 channels, from 0 to 1 or uint8. */
  labelImg?: Tensor;
  /** Default 0. */
  globalStep?: number;
  /** A name; default `default`. */
  tag?: string;
}

const operation = 'TensorBoard.addEmbedding';

// One cell of a table: it ends at a tab or a line's end.
const cell = (value: unknown): string => checkText(operation, 'each label', value).replace(/[\t\r\n]+/g, ' ');

function labelsOf(metadata: unknown, header: unknown, rows: number): string {
  const lines = checkEach(operation, 'metadata', 'must be a list of labels', metadata, (label) => {
    if (header === undefined) return cell(label);
    return checkEach(operation, 'each of metadata', 'must be a list with metadataHeader', label, cell).join('\t');
  });
  if (lines.length !== rows) {
    throw new ArgumentError(`${operation}: metadata must have ${rows} labels, one for each row, got ${lines.length}`);
  }
  if (header !== undefined) {
    const names = checkEach(operation, 'metadataHeader', 'must be a list of texts', header, cell);
    const wrong = lines.find((line) => line.split('\t').length !== names.length);
    if (wrong !== undefined) {
      throw new ArgumentError(`${operation}: each of metadata must have ${names.length} labels, as metadataHeader has`);
    }
    lines.unshift(names.join('\t'));
  }
  return `${lines.join('\n')}\n`;
}

/** Writes the files of an embedding, and gives its place and its entry for the list. Everything is checked before. */
export function writeEmbedding(
  folder: string,
  mat: unknown,
  options: EmbeddingOptions,
): [place: string, entry: string] {
  checkOptions(operation, options, ['metadata', 'metadataHeader', 'labelImg', 'globalStep', 'tag']);
  const x = checkTensor(operation, 'mat', mat);
  if (x.rank !== 2) throw new ShapeError(`${operation}: mat must be [rows, columns], got ${formatShape(x.shape)}`);
  const [rows, columns] = x.shape as [number, number];
  const { metadata, metadataHeader, labelImg, tag = 'default' } = options;
  const step = String(checkInteger(operation, 'globalStep', options.globalStep ?? 0)).padStart(5, '0');
  if (['', '.', '..'].includes(checkText(operation, 'tag', tag)) || tag.includes('\0')) {
    throw new ArgumentError(`${operation}: tag must be the name of a folder, got ${describe(tag)}`);
  }
  const place = `${step}/${tag.replaceAll('%', '%25').replaceAll('/', '%2f').replaceAll('\\', '%5c')}`;
  const labels = metadata === undefined ? undefined : labelsOf(metadata, metadataHeader, rows);
  const sprite = labelImg === undefined ? undefined : spriteOf(operation, labelImg, rows);

  const numbers = x.toTypedArray();
  const row = (i: number) => numbers.subarray(i * columns, (i + 1) * columns).join('\t');
  try {
    makeFolder(join(folder, place));
  } catch (cause) {
    throw systemError(operation, 'write', join(folder, place), cause);
  }
  const write = (name: string, bytes: Uint8Array) => writeFileAtomic(operation, join(folder, place, name), [bytes]);
  write('tensors.tsv', Buffer.from(Array.from({ length: rows }, (_, i) => `${row(i)}\n`).join('')));
  if (labels !== undefined) write('metadata.tsv', Buffer.from(labels));
  if (sprite !== undefined) write('sprite.png', encodePng(sprite));

  // Text format of Protocol Buffers, whose strings are quoted like those of JSON, but for \u.
  const quoted = (text: string) => `"${[...Buffer.from(text)].map(escaped).join('')}"`;
  const lines = [`tensor_name: ${quoted(`${tag}:${step}`)}`, `tensor_path: ${quoted(`${place}/tensors.tsv`)}`];
  if (labels !== undefined) lines.push(`metadata_path: ${quoted(`${place}/metadata.tsv`)}`);
  if (sprite !== undefined) {
    const sizes = sprite.single.map((size) => `    single_image_dim: ${size}\n`).join('');
    lines.push(`sprite {\n    image_path: ${quoted(`${place}/sprite.png`)}\n${sizes}  }`);
  }
  return [place, `embeddings {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`];
}

const escaped = (byte: number): string =>
  byte >= 32 && byte < 127 && byte !== 34 && byte !== 92
    ? String.fromCharCode(byte)
    : `\\${byte.toString(8).padStart(3, '0')}`;

/** Writes the list of a folder's embeddings. */
export function writeEmbeddingList(folder: string, entries: readonly string[]): void {
  writeFileAtomic(operation, join(folder, 'projector_config.pbtxt'), [Buffer.from(entries.join(''))]);
}
