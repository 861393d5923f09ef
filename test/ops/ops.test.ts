// Every op family's table of rows and wrong inputs; see support/harness.ts.

import { testErrors, testOps } from '../support/harness.js';
import { families } from './families.js';

for (const [name, family] of Object.entries(families)) {
  testOps(name, family.rows);
  testErrors(name, family.errors);
}
