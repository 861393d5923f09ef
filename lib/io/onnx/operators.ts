// All operators of the default domain that are known here, by name.
import type { Operators } from './call.js';
import { attending } from './operators-attention.js';
import { control } from './operators-control.js';
import { elementwise } from './operators-elementwise.js';
import { grids } from './operators-grids.js';
import { images } from './operators-images.js';
import { indexing } from './operators-indexing.js';
import { layers } from './operators-layers.js';
import { quantizing } from './operators-quantized.js';
import { recurrents } from './operators-recurrent.js';
import { reductions } from './operators-reduce.js';
import { resizing } from './operators-resize.js';
import { sequences } from './operators-sequence.js';
import { shapes } from './operators-shape.js';

export const operators: Operators = {
  ...attending,
  ...control,
  ...elementwise,
  ...grids,
  ...images,
  ...indexing,
  ...layers,
  ...quantizing,
  ...recurrents,
  ...reductions,
  ...resizing,
  ...sequences,
  ...shapes,
};
