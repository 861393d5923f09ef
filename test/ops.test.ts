import * as elementwise from './ops/elementwise.js';
import { testErrors, testOps } from './ops/harness.js';

const families = { elementwise };

for (const [name, family] of Object.entries(families)) {
  testOps(name, family.rows);
  testErrors(name, family.errors);
}
