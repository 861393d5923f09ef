import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkChoice, checkEach, checkFlag, checkInteger, describe } from '../errors.js';
import { AdaptiveAvgPool2d, Conv2d, init, Linear, MaxPool2d, Module, ReLU, Sequential } from '../nn/index.js';
import { relu } from '../ops/activation.js';
import { flatten } from '../ops/shape.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { checkClasses, type ImageNorm, normOf } from './image-layers.js';

/** Options of the residual networks. */
export interface ResNetOptions {
  /** Default 1000. */
  numClasses?: number;
  /** Whether the last norm of each block starts at 0, so that the block passes its input through; default false. */
  zeroInitResidual?: boolean;
  /** Groups of the 3 × 3 convolutions of bottlenecks (ResNeXt); default 1. */
  groups?: number;
  /** Channels of each group in the first stage of bottlenecks (wide networks); default 64. */
  widthPerGroup?: number;
  /** For each of the last three stages, whether convolutions are dilated instead of strided; default [false, false, false]. */
  replaceStrideWithDilation?: readonly boolean[];
  /** Default `nn.BatchNorm2d`. */
  normLayer?: ImageNorm;
}

/** Arguments of `ResNet`, by name. */
export interface ResNetLayerOptions extends ResNetOptions {
  /** Two 3 × 3 convolutions, or 1 × 1, 3 × 3 and 1 × 1 with four times as many channels at the end. */
  block: 'BasicBlock' | 'Bottleneck';
  /** The number of blocks in each of the four stages. */
  layers: readonly number[];
}

interface Place {
  inChannels: number;
  channels: number;
  stride: number;
  dilation: number;
}

/** What the blocks of a network share. */
interface Plan {
  block: 'BasicBlock' | 'Bottleneck';
  groups: number;
  widthPerGroup: number;
  norm: (channels: number) => Module;
}

const conv1x1 = (inChannels: number, outChannels: number, stride = 1): Conv2d =>
  new Conv2d(inChannels, outChannels, { kernelSize: 1, stride, bias: false });

const conv3x3 = (inChannels: number, outChannels: number, stride = 1, groups = 1, dilation = 1): Conv2d =>
  new Conv2d(inChannels, outChannels, { kernelSize: 3, stride, padding: dilation, dilation, groups, bias: false });

abstract class Block extends Module {
  readonly relu = new ReLU();
  /** Brings the input to the shape of the residual; the last property, for PyTorch's order of keys. */
  abstract downsample: Module | null;

  protected abstract residual(x: Tensor): Tensor;
  abstract readonly lastNorm: Module;

  forward(x: Tensor): Tensor {
    return this.relu.forward(this.residual(x).add(this.downsample?.forward(x) ?? x));
  }
}

class BasicBlock extends Block {
  readonly conv1: Conv2d;
  readonly bn1: Module;
  readonly conv2: Conv2d;
  readonly bn2: Module;
  downsample: Module | null = null;

  constructor({ inChannels, channels, stride }: Place, { norm }: Plan) {
    super();
    this.conv1 = conv3x3(inChannels, channels, stride);
    this.bn1 = norm(channels);
    this.conv2 = conv3x3(channels, channels);
    this.bn2 = norm(channels);
  }

  get lastNorm(): Module {
    return this.bn2;
  }

  protected residual(x: Tensor): Tensor {
    const y = relu(this.bn1.forward(this.conv1.forward(x)));
    return this.bn2.forward(this.conv2.forward(y));
  }
}

class Bottleneck extends Block {
  readonly conv1: Conv2d;
  readonly bn1: Module;
  readonly conv2: Conv2d;
  readonly bn2: Module;
  readonly conv3: Conv2d;
  readonly bn3: Module;
  downsample: Module | null = null;

  constructor({ inChannels, channels, stride, dilation }: Place, { groups, widthPerGroup, norm }: Plan) {
    super();
    const width = Math.trunc(channels * (widthPerGroup / 64)) * groups;
    this.conv1 = conv1x1(inChannels, width);
    this.bn1 = norm(width);
    this.conv2 = conv3x3(width, width, stride, groups, dilation);
    this.bn2 = norm(width);
    this.conv3 = conv1x1(width, channels * 4);
    this.bn3 = norm(channels * 4);
  }

  get lastNorm(): Module {
    return this.bn3;
  }

  protected residual(x: Tensor): Tensor {
    const y = relu(this.bn1.forward(this.conv1.forward(x)));
    const z = relu(this.bn2.forward(this.conv2.forward(y)));
    return this.bn3.forward(this.conv3.forward(z));
  }
}

const optionNames = [
  'numClasses',
  'zeroInitResidual',
  'groups',
  'widthPerGroup',
  'replaceStrideWithDilation',
  'normLayer',
];

/**
 * A residual network with torchvision's keys: a 7 × 7 convolution, pooling, four stages of blocks relu(x + f(x)), the mean
 * over each channel, and `fc`. Bottlenecks have the stride in their 3 × 3 convolution.
 * He et al., "Deep residual learning for image recognition", 2016, https://arxiv.org/abs/1512.03385
 *
 * Images [batch, 3, height, width] give scores [batch, numClasses]. Convolutions start from He's normal distribution by their
 * outputs.
 *
 * @throws ArgumentError for layers that are not four numbers, and groups or widths in basic blocks
 * @example
 * const model = new models.ResNet('BasicBlock', [1, 1, 1, 1], { numClasses: 10 });
 * model.forward(zeros([2, 3, 32, 32])); // [2, 10]
 */
export class ResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: Module;
  readonly relu = new ReLU();
  readonly maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  /** The head; assign another for other classes: `model.fc = new nn.Linear(512, 2)`. */
  fc: Module;

  /** @param args block, layers; options of `ResNetOptions` */
  constructor(...args: Positional<ResNetLayerOptions, [block: 'block', layers: 'layers']>) {
    super();
    const options = optionsOf<ResNetLayerOptions>('ResNet', args, ['block', 'layers'], optionNames);
    const plan = checkPlan(options);
    const layers = checkFew('layers', options.layers, 4, (n, name) => checkInteger('ResNet', name, n, 1));
    const dilated = checkFew(
      'replaceStrideWithDilation',
      options.replaceStrideWithDilation ?? [false, false, false],
      3,
      (f, name) => checkFlag('ResNet', name, f),
    );
    if (plan.block === 'BasicBlock' && dilated.includes(true)) {
      throw new ArgumentError('ResNet: basic blocks cannot be dilated, got replaceStrideWithDilation with true');
    }
    const zeroInit = checkFlag('ResNet', 'zeroInitResidual', options.zeroInitResidual, false);
    const numClasses = checkClasses('ResNet', options.numClasses);
    const out = plan.block === 'BasicBlock' ? 512 : 2048;
    [this.conv1, this.bn1, this.layer1, this.layer2, this.layer3, this.layer4, this.fc] = allOrNothing(() => {
      const conv = new Conv2d(3, 64, { kernelSize: 7, stride: 2, padding: 3, bias: false });
      const parts = [conv, plan.norm(64), ...makeStages(plan, layers, dilated)] as const;
      for (const part of parts) initialiseBlocks(part, zeroInit);
      return [...parts, new Linear(out, numClasses)] as const;
    });
  }

  forward(x: Tensor): Tensor {
    let y = this.maxpool.forward(this.relu.forward(this.bn1.forward(this.conv1.forward(x))));
    for (const stage of [this.layer1, this.layer2, this.layer3, this.layer4]) y = stage.forward(y);
    return this.fc.forward(flatten(this.avgpool.forward(y), 1));
  }
}

function checkPlan(options: Partial<ResNetLayerOptions>): Plan {
  const block = checkChoice('ResNet', 'block', options.block, ['BasicBlock', 'Bottleneck']);
  const groups = checkInteger('ResNet', 'groups', options.groups ?? 1, 1);
  const widthPerGroup = checkInteger('ResNet', 'widthPerGroup', options.widthPerGroup ?? 64, 1);
  if (block === 'BasicBlock' && (groups !== 1 || widthPerGroup !== 64)) {
    const got = `got groups ${groups} and widthPerGroup ${widthPerGroup}`;
    throw new ArgumentError(`ResNet: basic blocks must have groups 1 and widthPerGroup 64, ${got}`);
  }
  return { block, groups, widthPerGroup, norm: normOf('ResNet', options.normLayer) };
}

function checkFew<T>(name: string, list: unknown, count: number, check: (element: unknown, name: string) => T): T[] {
  const rule = `must be an array of ${count}`;
  const checked = checkEach('ResNet', name, rule, list, (element, i) => check(element, `${name}[${i}]`));
  if (checked.length === count) return checked;
  throw new ArgumentError(`ResNet: ${name} ${rule}, got ${describe(list)}`);
}

function makeStages(
  plan: Plan,
  layers: readonly number[],
  dilated: readonly boolean[],
): [Sequential, Sequential, Sequential, Sequential] {
  const expansion = plan.block === 'BasicBlock' ? 1 : 4;
  const make = plan.block === 'BasicBlock' ? BasicBlock : Bottleneck;
  let inChannels = 64;
  let dilation = 1;
  const stages = layers.map((count, stage) => {
    const channels = 64 * 2 ** stage;
    let stride = stage === 0 ? 1 : 2;
    const before = dilation;
    if (stage > 0 && dilated[stage - 1]) [dilation, stride] = [dilation * stride, 1];
    const blocks = Array.from({ length: count }, (_, i) => {
      const place = { inChannels, channels, stride: i === 0 ? stride : 1, dilation: i === 0 ? before : dilation };
      const block = new make(place, plan);
      const out = channels * expansion;
      if (place.stride !== 1 || inChannels !== out) {
        block.downsample = new Sequential(conv1x1(inChannels, out, place.stride), plan.norm(out));
      }
      inChannels = out;
      return block;
    });
    return new Sequential(blocks);
  });
  return stages as [Sequential, Sequential, Sequential, Sequential];
}

function initialiseBlocks(part: Module, zeroInit: boolean): void {
  for (const layer of part.modules()) {
    if (layer instanceof Conv2d) init.kaimingNormal_(layer.weight, { mode: 'fanOut', nonlinearity: 'relu' });
    const norm = zeroInit && layer instanceof Block ? (layer.lastNorm as { weight?: Tensor | null }) : {};
    if (norm.weight != null) init.zeros_(norm.weight);
  }
}

function resnet(name: string, block: ResNetLayerOptions['block'], layers: number[], options?: ResNetOptions): ResNet {
  checkOptions(name, options, optionNames);
  return new ResNet(block, layers, options ?? {});
}

/**
 * ResNet-18: `ResNet('BasicBlock', [2, 2, 2, 2])`, 11.7 million parameters.
 *
 * @example
 * const model = models.resnet18({ numClasses: 10 });
 * model.forward(zeros([2, 3, 32, 32])); // [2, 10]
 */
export function resnet18(options?: ResNetOptions): ResNet {
  return resnet('resnet18', 'BasicBlock', [2, 2, 2, 2], options);
}

/**
 * ResNet-34: `ResNet('BasicBlock', [3, 4, 6, 3])`, 21.8 million parameters.
 *
 * @example
 * const model = models.resnet34({ numClasses: 10 });
 */
export function resnet34(options?: ResNetOptions): ResNet {
  return resnet('resnet34', 'BasicBlock', [3, 4, 6, 3], options);
}

/**
 * ResNet-50: `ResNet('Bottleneck', [3, 4, 6, 3])`, 25.6 million parameters.
 *
 * @example
 * const model = models.resnet50({ numClasses: 10, zeroInitResidual: true });
 */
export function resnet50(options?: ResNetOptions): ResNet {
  return resnet('resnet50', 'Bottleneck', [3, 4, 6, 3], options);
}
