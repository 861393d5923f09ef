// The golden values of layers and initialisers.
import { type Golden, readGolden } from './golden.js';

interface Initialiser {
  name: string;
  shape: number[];
  options: Record<string, never>;
  bound?: number;
  mean?: number;
  std?: number;
}
interface Through {
  name: string;
  options: Record<string, unknown>;
  input: Golden;
  output: Golden;
  upstream: Golden;
  gradient: Golden;
}
export const layers = readGolden<{
  linear: (Record<'input' | 'weight' | 'output' | 'upstream' | 'inputGradient' | 'weightGradient', Golden> &
    Record<'bias' | 'biasGradient', Golden | null>)[];
  activations: Through[];
  softmax: Through[];
  dropout: (Through & { p: number })[];
  training: {
    optimizer: 'SGD' | 'Adam';
    options: { lr: number };
    input: Golden;
    labels: Golden;
    initial: Record<string, Golden>;
    losses: number[];
    final: Record<string, Golden>;
  }[];
  initialisers: Initialiser[];
  linearDefaults: { inFeatures: number; weightBound: number; biasBound: number }[];
  gains: { nonlinearity: string; param: number | null; gain: number }[];
}>('layers');
