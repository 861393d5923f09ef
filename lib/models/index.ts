/** Architectures that people fine-tune, under the names and keys of torchvision and transformers, and models that make samples. @module */

export { loadAdapter, saveAdapter } from './adapter.js';
export {
  type BertConfig,
  BertForSequenceClassification,
  type BertInputs,
  BertModel,
} from './bert.js';
export { type CausalArguments, type CausalInputs, CausalLM, type ScoreInputs } from './causal.js';
export type { TokenIds } from './config.js';
export { type Denoiser, Diffusion, type DiffusionOptions, type DiffusionSampleOptions } from './diffusion.js';
export {
  type DistilBertConfig,
  DistilBertForSequenceClassification,
  type DistilBertInputs,
  DistilBertModel,
} from './distilbert.js';
export { type EfficientNetOptions, efficientnetB0 } from './efficientnet.js';
export { type FromPretrainedOptions, fromPretrained, type PretrainedModel } from './from-pretrained.js';
export { FTTransformer, type FTTransformerOptions } from './ft-transformer.js';
export { type GenerateOptions, generate, generateStream } from './generate.js';
export { type GPT2Config, type GPT2Inputs, GPT2LMHeadModel, GPT2Model, type GPT2ScoreInputs } from './gpt2.js';
export { ImageClassifier } from './image-classifier.js';
export type { ImageNorm } from './image-layers.js';
export type { HiddenActivation } from './language.js';
export type { LayerMaker } from './layer-maker.js';
export { type LlamaConfig, LlamaForCausalLM, LlamaModel } from './llama.js';
export { LSTMClassifier, type LSTMClassifierOptions } from './lstm-classifier.js';
export { MLP, type MLPOptions } from './mlp.js';
export { type MobileNetV2Options, mobilenetV2 } from './mobilenet-v2.js';
export { type MobileNetV3Options, mobilenetV3Large, mobilenetV3Small } from './mobilenet-v3.js';
export { RealNVP, type RealNVPOptions } from './real-nvp.js';
export { ResNet, type ResNetLayerOptions, type ResNetOptions, resnet18, resnet34, resnet50 } from './resnet.js';
export { TCN, type TCNOptions } from './tcn.js';
export { fromTfjs, type TfjsModel } from './tfjs.js';
export { UNet, type UNetOptions } from './unet.js';
export { VAE, type VAEOptions } from './vae.js';
export {
  VisionTransformer,
  type VisionTransformerOptions,
  type VisionTransformerSizes,
  type VitOptions,
  vitB16,
} from './vision-transformer.js';
