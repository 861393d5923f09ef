import { existsSync } from 'node:fs';
import { test } from 'vitest';
import { packageFolder } from '../../examples/fashion-mnist/data.js';

/** A test that needs Fashion-MNIST: Linux must have Debian's package of it, other systems have $FASHION_MNIST or nothing. */
export const withClothes = test.skipIf(
  process.platform !== 'linux' && !existsSync(process.env.FASHION_MNIST || packageFolder),
);
