// Every op family's table of rows and wrong inputs; see ops/harness.ts.
import * as activation from './ops/activation.js';
import * as compare from './ops/compare.js';
import * as elementwise from './ops/elementwise.js';
import { testErrors, testOps } from './ops/harness.js';
import * as indexing from './ops/indexing.js';
import * as matmul from './ops/matmul.js';
import * as random from './ops/random.js';
import * as shape from './ops/shape.js';
import * as slice from './ops/slice.js';

const families = { activation, compare, elementwise, indexing, matmul, random, shape, slice };

for (const [name, family] of Object.entries(families)) {
  testOps(name, family.rows);
  testErrors(name, family.errors);
}
