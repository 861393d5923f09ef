import { AdaptiveAvgPool2d, Module } from '../nn/index.js';
import { flatten } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';
import { checkModule } from './layer-maker.js';

/**
 * A classifier of images: y = classifier(mean over height and width of features(x)). MobileNets and EfficientNets are such.
 *
 * | x | features(x) | y |
 * |---|---|---|
 * | [batch, 3, height, width] | [batch, channels, rows, columns] | [batch, numClasses] |
 *
 * @throws ArgumentError when one of them is not a module
 * @example
 * const model = models.mobilenetV2({ widthMult: 0.5 });
 * model.classifier = new nn.Linear(1280, 2); // a new head
 */
export class ImageClassifier extends Module {
  /** From images to maps of features. */
  features: Module;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  /** The head, from the means of the channels to the scores of the classes; assign another for other classes. */
  classifier: Module;

  constructor(features: Module, classifier: Module) {
    super();
    this.features = checkModule('ImageClassifier', 'features', features);
    this.classifier = checkModule('ImageClassifier', 'classifier', classifier);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x)), 1));
  }
}
