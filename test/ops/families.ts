// All op families: their tables of rows and of wrong inputs.
import * as activation from './activation.js';
import * as attention from './attention.js';
import * as classification from './classification.js';
import * as compare from './compare.js';
import * as conv from './conv.js';
import * as einsum from './einsum.js';
import * as elementwise from './elementwise.js';
import * as embedding from './embedding.js';
import * as extremes from './extremes.js';
import * as indexing from './indexing.js';
import * as loss from './loss.js';
import * as matmul from './matmul.js';
import * as norm from './norm.js';
import * as pool from './pool.js';
import * as random from './random.js';
import * as recurrent from './recurrent.js';
import * as reduce from './reduce.js';
import * as rotary from './rotary.js';
import * as shape from './shape.js';
import * as slice from './slice.js';
import * as softmax from './softmax.js';
import * as sort from './sort.js';
import * as statistics from './statistics.js';
import * as upsample from './upsample.js';

export const families = {
  activation,
  attention,
  classification,
  compare,
  conv,
  einsum,
  elementwise,
  embedding,
  extremes,
  indexing,
  loss,
  matmul,
  norm,
  pool,
  random,
  recurrent,
  reduce,
  rotary,
  shape,
  slice,
  softmax,
  sort,
  statistics,
  upsample,
};
