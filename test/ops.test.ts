// Every op family's table of rows and wrong inputs; see ops/harness.ts.
import { families } from './ops/families.js';
import { testErrors, testOps } from './ops/harness.js';

for (const [name, family] of Object.entries(families)) {
  testOps(name, family.rows);
  testErrors(name, family.errors);
}
