// Every op family's table of rows and wrong inputs; see ops/harness.ts.
import { families } from './ops/families.js';
import { testErrors, testOps } from './ops/harness.js';
import * as activation from './ops/activation.js';
import * as classification from './ops/classification.js';
import * as compare from './ops/compare.js';
import * as einsum from './ops/einsum.js';
import * as elementwise from './ops/elementwise.js';
import * as embedding from './ops/embedding.js';
import * as extremes from './ops/extremes.js';
import { testErrors, testOps } from './ops/harness.js';
import * as indexing from './ops/indexing.js';
import * as loss from './ops/loss.js';
import * as matmul from './ops/matmul.js';
import * as norm from './ops/norm.js';
import * as random from './ops/random.js';
import * as reduce from './ops/reduce.js';
import * as shape from './ops/shape.js';
import * as slice from './ops/slice.js';
import * as softmax from './ops/softmax.js';
import * as sort from './ops/sort.js';
import * as statistics from './ops/statistics.js';

const families = {
  activation,
  classification,
  compare,
  einsum,
  elementwise,
  embedding,
  extremes,
  indexing,
  loss,
  matmul,
  norm,
  random,
  reduce,
  shape,
  slice,
  softmax,
  sort,
  statistics,
};

for (const [name, family] of Object.entries(families)) {
  testOps(name, family.rows);
  testErrors(name, family.errors);
}
