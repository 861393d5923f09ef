import { describe } from 'vitest';
import * as methods from '../../lib/ops/in-place-special.js';
import { testInPlace } from '../support/in-place.js';

describe('trigonometric, special and rounding functions in place', () => testInPlace(methods, 30));
