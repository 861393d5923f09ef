// All op families: their tables of rows and of wrong inputs.
import * as activation from './activation.js';
import * as attention from './attention.js';
import * as classification from './classification.js';
import * as compare from './compare.js';
import * as elementwise from './elementwise.js';
import * as embedding from './embedding.js';
import * as extremes from './extremes.js';
import * as indexing from './indexing.js';
import * as loss from './loss.js';
import * as matmul from './matmul.js';
import * as norm from './norm.js';
import * as random from './random.js';
import * as recurrent from './recurrent.js';
import * as reduce from './reduce.js';
import * as rotary from './rotary.js';
import * as shape from './shape.js';
import * as slice from './slice.js';
import * as softmax from './softmax.js';
import * as statistics from './statistics.js';

export const families = {
  rotary,
  attention,
  norm,
  embedding,
  activation,
  classification,
  compare,
  elementwise,
  extremes,
  indexing,
  loss,
  matmul,
  random,
  recurrent,
  reduce,
  shape,
  slice,
  softmax,
  statistics,
};
