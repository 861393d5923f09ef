// Masked autoencoding (He, Chen, Xie, Li, Dollár, Girshick, "Masked autoencoders are scalable vision learners", 2021,
// https://arxiv.org/abs/2111.06377): a transformer sees a third of an image's patches, another one draws the rest.
import { argsort, cat, nn, rand, zeros } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Width of the encoder's tokens; so many numbers it makes of an image. */
export const width = 64;
const decoderWidth = 48;
/** Patches of an image in a row and in all, the side of one, and its pixels. */
const [across, patches, side, pixels] = [4, 16, 7, 49];
/** Patches that the encoder sees while it learns. */
const visible = 5;

/** @param {number} features @param {number} layers */
function transformer(features, layers) {
  const layer = new nn.TransformerEncoderLayer(features, 4, {
    ...{ dimFeedforward: 2 * features, dropout: 0, activation: 'gelu', batchFirst: true, normFirst: true },
  });
  return new nn.TransformerEncoder(layer, layers, new nn.LayerNorm(features));
}

/** Images [batch, 1, 28, 28] as patches [batch, 16, 49]. @param {Tensor} images */
export function patchesOf(images) {
  const [batch] = images.shape;
  return images.reshape([batch, across, side, across, side]).permute([0, 1, 3, 2, 4]).reshape([batch, patches, pixels]);
}

/** Patches [batch, 16, 49] as images [batch, 28, 28]. @param {Tensor} x */
export function imagesOf(x) {
  const [batch] = x.shape;
  return x.reshape([batch, across, across, side, side]).permute([0, 1, 3, 2, 4]).reshape([batch, 28, 28]);
}

/** Rows [batch, n, features] at the places [batch, m] of each sample. @param {Tensor} rows @param {Tensor} places */
function pick(rows, places) {
  const [batch, count] = places.shape;
  return rows.gather(1, places.unsqueeze(2).expand([batch, count, rows.shape[2]]));
}

/** A small vision transformer. */
export class PatchEncoder extends nn.Module {
  constructor() {
    super();
    this.embedding = new nn.Linear(pixels, width);
    this.positions = new nn.Parameter(nn.init.normal_(zeros([1, patches, width]), 0, 0.1));
    this.layers = transformer(width, 3);
  }

  /** Tokens of the patches, or of those at some places. @param {Tensor} images @param {Tensor} [places] [batch, m] */
  tokens(images, places) {
    const all = this.embedding.forward(patchesOf(images)).add(this.positions);
    return this.layers.forward(places === undefined ? all : pick(all, places));
  }

  /** The mean of the tokens, [batch, 64]. @param {Tensor} images */
  forward(images) {
    return this.tokens(images).mean({ dim: 1 });
  }
}

/** The encoder with the decoder that learning needs. */
export class MaskedAutoencoder extends nn.Module {
  constructor() {
    super();
    this.encoder = new PatchEncoder();
    this.bridge = new nn.Linear(width, decoderWidth);
    this.hidden = new nn.Parameter(nn.init.normal_(zeros([1, 1, decoderWidth]), 0, 0.02));
    this.positions = new nn.Parameter(nn.init.normal_(zeros([1, patches, decoderWidth]), 0, 0.1));
    this.decoder = transformer(decoderWidth, 1);
    this.output = new nn.Linear(decoderWidth, pixels);
  }

  /**
   * Hides eleven of the sixteen patches of each image, at random, and draws all.
   *
   * @param {Tensor} images [batch, 1, 28, 28]
   * @returns {{ drawn: Tensor, isHidden: Tensor }} patches [batch, 16, 49], and [batch, 16, 1]: 1 for those that were hidden
   */
  draw(images) {
    const [batch] = images.shape;
    const order = argsort(rand([batch, patches]), 1);
    const ranks = argsort(order, 1); // where each patch stands in that order
    const seen = this.bridge.forward(this.encoder.tokens(images, order.slice({ dim: 1, end: visible })));
    const blanks = this.hidden.expand([batch, patches - visible, decoderWidth]);
    const tokens = pick(cat([seen, blanks], 1), ranks).add(this.positions);
    const isHidden = ranks.ge(visible).to('float32').unsqueeze(2);
    return { drawn: this.output.forward(this.decoder.forward(tokens)), isHidden };
  }

  /** The squared error of the patches that were hidden. @param {Tensor} images */
  forward(images) {
    const { drawn, isHidden } = this.draw(images);
    const errors = drawn.sub(patchesOf(images)).square().mean({ dim: 2, keepDim: true });
    return errors.mul(isHidden).sum().div(isHidden.sum());
  }
}
