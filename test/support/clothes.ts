import { existsSync } from 'node:fs';
import { test } from 'vitest';
import { packageFolder } from '../../examples/fashion-mnist/data.js';

/** A test that needs Fashion-MNIST: Debian has a package of it, other systems have $FASHION_MNIST or nothing. */
export const withClothes = test.skipIf(!existsSync(process.env.FASHION_MNIST || packageFolder));
