// `zeroGrad` of optimizers and modules.
import { optionsOf, type Positional } from './arguments.js';
import { noGrad } from './autograd/tape.js';
import { recordedGradient } from './context.js';
import { checkFlag } from './errors.js';
import { fill_ } from './ops/copy.js';
import { clearGrad, type Tensor } from './tensor.js';

/** Arguments of `zeroGrad`: whether gradients become null, default true, or zeros. */
export type ZeroGradArguments = Positional<{ setToNone?: boolean }, [setToNone: 'setToNone']>;

/** Forgets the gradients of all parameters, or overwrites them with zeros. */
export function zeroGrads(operation: string, params: Iterable<Tensor>, args: ZeroGradArguments): void {
  const { setToNone } = optionsOf<{ setToNone: boolean }>(operation, args, ['setToNone']);
  if (checkFlag(operation, 'setToNone', setToNone, true)) {
    for (const p of params) clearGrad(p);
    return;
  }
  noGrad(() => {
    for (const p of params) {
      const gradient = recordedGradient(operation, p);
      if (gradient !== null) fill_(gradient, 0);
    }
  });
}
