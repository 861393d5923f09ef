// Writes docs/pytorch-coverage.md from PyTorch's names and this package's exports, and prints its summary.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argumentLines, argumentsIn } from './docs/arguments.mjs';
import { coverage, pageOf } from './docs/coverage.mjs';
import { root } from './steps.mjs';

const sections = coverage(await import('adjoint'));
const page = pageOf(sections, argumentLines(await argumentsIn(sections)));
writeFileSync(join(root, 'docs', 'pytorch-coverage.md'), page);
console.log(page.slice(page.indexOf('|'), page.indexOf('\n## ')));
