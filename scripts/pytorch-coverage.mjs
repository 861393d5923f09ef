// Writes docs/pytorch-coverage.md from PyTorch's names and this package's exports, and prints its summary.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { coverage, pageOf } from './docs/coverage.mjs';
import { root } from './steps.mjs';

const page = pageOf(coverage(await import('adjoint')));
writeFileSync(join(root, 'docs', 'pytorch-coverage.md'), page);
console.log(page.slice(page.indexOf('|'), page.indexOf('\n## ')));
