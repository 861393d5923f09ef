// Predictions that a record of a run keeps, with a picture or a text each.
import { ArgumentError, checkEach, checkFlag, checkText, describe, isPlain } from '../errors.js';
import { encodePng, type Image } from '../io/index.js';
import { checkOptions } from '../options.js';
import type { Sample } from './record.js';

/** A prediction to look at, in a report. */
export interface ShownSample {
  image?: Image;
  text?: string;
  target: string | number;
  prediction: string | number;
  /** Default: whether target and prediction differ. */
  isWrong?: boolean;
  loss?: number;
}

/** @internal */
export function checkSamples(operation: string, samples: unknown): Sample[] {
  return checkEach(operation, 'samples', 'must be a list of { target, prediction }', samples, (given, i) => {
    if (!isPlain(given)) {
      throw new ArgumentError(`${operation}: samples[${i}] must be { target, prediction }, got ${describe(given)}`);
    }
    const known = ['image', 'text', 'target', 'prediction', 'isWrong', 'loss'];
    checkOptions(operation, given, known);
    const { image, text, target, prediction, isWrong, loss } = given as ShownSample;
    const place = (name: string) => `samples[${i}].${name}`;
    const said = (name: string, value: unknown) =>
      typeof value === 'number' ? String(value) : checkText(operation, place(name), value);
    if (loss !== undefined && typeof loss !== 'number') {
      throw new ArgumentError(`${operation}: ${place('loss')} must be a number, got ${describe(loss)}`);
    }
    return {
      ...(image !== undefined && { image: Buffer.from(encodePng(image)).toString('base64') }),
      ...(text !== undefined && { text: checkText(operation, place('text'), text) }),
      target: said('target', target),
      prediction: said('prediction', prediction),
      isWrong: checkFlag(operation, place('isWrong'), isWrong, String(target) !== String(prediction)),
      ...(loss !== undefined && { loss }),
    };
  });
}
