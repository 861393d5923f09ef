// What there is among the examples: `npm run example -- --list` prints this list, `npm run gallery` runs it and writes docs/gallery.md.

/**
 * @typedef {object} Figure
 * @property {string} key of the number in what the example's `run` returns; `a.b` is in an object there
 * @property {string} label with its unit
 * @property {number} digits behind the point
 */
/**
 * @typedef {object} Example
 * @property {string} name `lenet` is examples/lenet/train.js, `reinforcement/cart-pole` is examples/reinforcement/cart-pole.js
 * @property {string} title what is learned, and by what
 * @property {string} data
 * @property {readonly Figure[]} figures the most important one first
 * @property {Figure} [baseline] what something simpler reaches, in the unit of the first figure
 * @property {readonly string[]} [pictures] that it leaves in its output folder
 * @property {boolean} [eager] whether it can run without compiled steps, too
 */

/** @type {readonly Example[]} */
export const examples = [
  {
    name: 'lenet',
    title: 'Handwritten digits by convolutions: LeNet-5',
    data: 'MNIST',
    figures: [{ key: 'accuracy', label: 'test accuracy, %', digits: 2 }],
    pictures: ['lenet.svg'],
  },
  {
    name: 'fashion-mnist',
    title: 'Clothes by a small residual network, with augmentation',
    data: 'Fashion-MNIST',
    figures: [{ key: 'accuracy', label: 'test accuracy, %', digits: 2 }],
    pictures: ['fashion-mnist.svg'],
  },
  {
    name: 'spam',
    title: 'Spam by a GRU in both directions',
    data: 'SpamAssassin mails',
    figures: [
      { key: 'score.accuracy', label: 'accuracy on held-out mails, %', digits: 2 },
      { key: 'score.f1', label: 'F1, %', digits: 2 },
    ],
    pictures: ['spam.svg'],
  },
  {
    name: 'spam-transformer',
    title: 'Spam by a transformer',
    data: 'SpamAssassin mails',
    figures: [
      { key: 'score.accuracy', label: 'accuracy on held-out mails, %', digits: 2 },
      { key: 'score.f1', label: 'F1, %', digits: 2 },
    ],
    pictures: ['spam-transformer.svg'],
  },
  {
    name: 'moby-dick-lstm',
    title: 'The next character by an LSTM',
    data: 'Moby Dick',
    figures: [{ key: 'nats', label: 'nats a character on held-out chapters', digits: 4 }],
    pictures: ['moby-dick-lstm.svg'],
  },
  {
    name: 'moby-dick-gpt',
    title: 'The next character by a GPT',
    data: 'Moby Dick',
    figures: [{ key: 'nats', label: 'nats a character on held-out chapters', digits: 4 }],
    pictures: ['moby-dick-gpt.svg'],
  },
  {
    name: 'dates',
    title: 'Dates as people write them into ISO 8601, by an encoder and a decoder with attention',
    data: 'made here',
    figures: [{ key: 'exact', label: 'held-out dates right in every character, %', digits: 2 }],
    pictures: ['dates.svg'],
  },
  {
    name: 'compress',
    title: 'LeNet made smaller: pruned, clustered, in eight bits, and a student of a tenth of its weights',
    data: 'MNIST',
    figures: [
      { key: 'pruned', label: '90 % pruned, test accuracy, %', digits: 2 },
      { key: 'clustered', label: 'pruned and clustered, %', digits: 2 },
      { key: 'dynamic', label: 'int8 dynamic, %', digits: 2 },
      { key: 'static', label: 'int8 static, %', digits: 2 },
      { key: 'trained', label: 'int8 trained for it, %', digits: 2 },
      { key: 'taught', label: 'student, %', digits: 2 },
    ],
    baseline: { key: 'teacher', label: 'LeNet itself', digits: 2 },
    pictures: ['compress.svg'],
    eager: true,
  },
  {
    name: 'private-digits',
    title: 'Digits, learned so that no single one can be told from the network',
    data: 'MNIST',
    figures: [
      { key: 'private', label: 'ε = 3, test accuracy, %', digits: 2 },
      { key: 'strict', label: 'ε = 1, %', digits: 2 },
      { key: 'open', label: 'without privacy, %', digits: 2 },
    ],
    baseline: { key: 'linear', label: 'a linear model without privacy', digits: 2 },
    pictures: ['private-digits.svg'],
    eager: true,
  },
  {
    name: 'few-shot/sinusoids',
    title: 'A sine wave from ten of its points: MAML and Reptile',
    data: 'made here',
    figures: [
      { key: 'maml', label: 'MAML, squared error on new waves', digits: 3 },
      { key: 'reptile', label: 'Reptile', digits: 3 },
    ],
    baseline: { key: 'pretrained', label: 'trained on all waves', digits: 3 },
    pictures: ['few-shot-sinusoids.svg'],
    eager: true,
  },
  {
    name: 'generative/autoencoder',
    title: 'Digits through a code of 32 numbers, and digits out of noise, by autoencoders',
    data: 'MNIST',
    figures: [
      { key: 'autoencoder', label: 'squared error of a test pixel, × 1000', digits: 2 },
      { key: 'denoising', label: 'out of noise', digits: 2 },
      { key: 'wiener', label: "out of noise by Wiener's filter", digits: 2 },
    ],
    baseline: { key: 'pca', label: 'PCA', digits: 2 },
    pictures: ['autoencoder.png'],
  },
  {
    name: 'generative/vae',
    title: 'Digits by a variational autoencoder, and walks between them',
    data: 'MNIST',
    figures: [
      { key: 'elbo', label: 'ELBO of test digits, nats', digits: 1 },
      { key: 'frechet', label: 'Fréchet distance', digits: 1 },
      { key: 'real.frechet', label: 'of real digits', digits: 1 },
      { key: 'gaussian.frechet', label: 'of a Gaussian of the pixels', digits: 1 },
      { key: 'inception', label: 'inception score', digits: 2 },
    ],
    baseline: { key: 'baseline', label: 'independent pixels', digits: 1 },
    pictures: ['vae.png'],
  },
  {
    name: 'generative/gan',
    title: 'Digits on demand by a Wasserstein GAN with gradient penalty, and by a conditional GAN',
    data: 'MNIST',
    figures: [
      { key: 'wasserstein.frechet', label: 'Wasserstein, Fréchet distance', digits: 1 },
      { key: 'wasserstein.inception', label: 'inception score', digits: 2 },
      { key: 'wasserstein.agreement', label: 'digits as asked for, %', digits: 1 },
      { key: 'conditional.frechet', label: 'conditional, Fréchet distance', digits: 1 },
      { key: 'conditional.inception', label: 'inception score', digits: 2 },
      { key: 'conditional.agreement', label: 'digits as asked for, %', digits: 1 },
      { key: 'real.frechet', label: 'real digits, Fréchet distance', digits: 1 },
    ],
    baseline: { key: 'gaussian.frechet', label: 'a Gaussian of the pixels', digits: 1 },
    pictures: ['gan.png'],
  },
  {
    name: 'generative/diffusion',
    title: 'Digits out of noise by diffusion of codes, with DDIM and DDPM',
    data: 'MNIST',
    figures: [
      { key: 'frechet', label: 'DDIM in 50 steps, Fréchet distance', digits: 1 },
      { key: 'few.frechet', label: 'in 10 steps', digits: 1 },
      { key: 'ddpm.frechet', label: 'DDPM in 200', digits: 1 },
      { key: 'through.frechet', label: 'real digits through the code', digits: 1 },
      { key: 'real.frechet', label: 'real digits', digits: 1 },
      { key: 'inception', label: 'DDIM in 50 steps, inception score', digits: 2 },
    ],
    baseline: { key: 'ofCodes.frechet', label: 'a Gaussian of the codes', digits: 1 },
    pictures: ['diffusion.png'],
  },
  {
    name: 'generative/flow',
    title: 'The density of two half rings by a normalising flow, RealNVP',
    data: 'made here',
    figures: [
      { key: 'flow', label: 'nats a point', digits: 3 },
      { key: 'truth', label: 'by the true density', digits: 3 },
      { key: 'gaussian', label: 'by a Gaussian', digits: 3 },
    ],
    baseline: { key: 'mixture', label: 'a mixture of eight Gaussians', digits: 3 },
    pictures: ['flow.png'],
    eager: true,
  },
  {
    name: 'few-shot/characters',
    title: 'Characters of scripts never seen, by one or five drawings: prototypes, MAML and Reptile',
    data: 'made from the DejaVu fonts',
    figures: [
      { key: 'prototypes1', label: 'prototypes, five characters, one drawing, %', digits: 1 },
      { key: 'prototypes5', label: 'five drawings, %', digits: 1 },
      { key: 'maml1', label: 'MAML, one, %', digits: 1 },
      { key: 'maml5', label: 'five, %', digits: 1 },
      { key: 'reptile1', label: 'Reptile, one, %', digits: 1 },
      { key: 'reptile5', label: 'five, %', digits: 1 },
    ],
    baseline: { key: 'nearest1', label: 'nearest neighbour, one drawing', digits: 1 },
    pictures: ['few-shot-characters.svg'],
    eager: true,
  },
  {
    name: 'recommendation',
    title: 'Films that people will like next: matrix factorisation, neural collaborative filtering, two towers',
    data: 'MovieLens 100k',
    figures: [
      { key: 'towers.recall', label: 'two towers, recall@20, %', digits: 2 },
      { key: 'factors.recall', label: 'matrix factorisation, %', digits: 2 },
      { key: 'neural.recall', label: 'neural filtering, %', digits: 2 },
      { key: 'als.recall', label: 'least squares, %', digits: 2 },
      { key: 'towers.ndcg', label: 'two towers, NDCG@20, %', digits: 2 },
      { key: 'als.ndcg', label: 'least squares, NDCG@20, %', digits: 2 },
    ],
    baseline: { key: 'popularity.recall', label: 'what most like', digits: 2 },
    pictures: ['recommendation.svg'],
    eager: true,
  },
  {
    name: 'risk',
    title: 'The risk of damage by a bird, with class weights, focal loss and honest probabilities',
    data: 'bird strikes (FAA)',
    figures: [
      { key: 'focal-platt.auc', label: 'focal loss, ROC AUC, %', digits: 2 },
      { key: 'weighted.auc', label: 'class weights, %', digits: 2 },
      { key: 'network.auc', label: 'neither, %', digits: 2 },
      { key: 'boosting.auc', label: 'boosting (scikit-learn), %', digits: 2 },
      { key: 'focal.ece', label: 'focal loss, calibration error, %', digits: 2 },
      { key: 'focal-platt.ece', label: 'and calibrated, %', digits: 2 },
    ],
    baseline: { key: 'logistic.auc', label: 'logistic regression', digits: 2 },
    pictures: ['risk.svg'],
    eager: true,
  },
  {
    name: 'trajectories',
    title: 'Where cyclists will be in 4.8 seconds: six futures by a mixture density',
    data: 'made here',
    figures: [
      { key: 'network.minAde', label: 'nearest of six, mean distance, m', digits: 2 },
      { key: 'network.nats', label: 'nats a track', digits: 2 },
      { key: 'constant.nats', label: 'constant velocity, nats', digits: 2 },
      { key: 'fan.minAde', label: 'six straight lines, m', digits: 2 },
      { key: 'ideal.ade', label: 'what chance leaves, m', digits: 2 },
    ],
    baseline: { key: 'constant.ade', label: 'constant velocity', digits: 2 },
    pictures: ['trajectories.svg'],
    eager: true,
  },
  {
    name: 'many-outputs/multi-task',
    title: 'Two digits and their distance by one network: uncertainty weighting and gradient surgery',
    data: 'MNIST',
    figures: [
      { key: 'surgery.digits', label: 'gradient surgery, digits right, %', digits: 2 },
      { key: 'uncertainty.digits', label: 'weighted by uncertainty, %', digits: 2 },
      { key: 'alone.digits', label: 'a network for each task, %', digits: 2 },
      { key: 'surgery.distance', label: 'surgery, error of the distance, pixels', digits: 3 },
      { key: 'equal.distance', label: 'losses added, pixels', digits: 3 },
    ],
    baseline: { key: 'equal.digits', label: 'losses added', digits: 2 },
    pictures: ['multi-task.svg'],
    eager: true,
  },
  {
    name: 'many-outputs/multi-label',
    title: 'Which digits are on a picture, some of them rare: a threshold for each label',
    data: 'MNIST',
    figures: [
      { key: 'own.macro', label: 'own thresholds, macro F1, %', digits: 2 },
      { key: 'own.micro', label: 'micro F1, %', digits: 2 },
      { key: 'half.micro', label: 'threshold 0.5, micro F1, %', digits: 2 },
    ],
    baseline: { key: 'half.macro', label: 'threshold 0.5', digits: 2 },
    pictures: ['multi-label.svg'],
    eager: true,
  },
  {
    name: 'many-outputs/flights',
    title: 'Quantiles of a delay, and whether it is long, from numbers and airports',
    data: 'flights (BTS)',
    figures: [
      { key: 'network.pinball', label: 'pinball loss, minutes', digits: 3 },
      { key: 'network.coverage', label: 'in the 80 % interval, %', digits: 1 },
      { key: 'numbers.pinball', label: 'without airports, minutes', digits: 3 },
      { key: 'constant.pinball', label: 'the same for all, minutes', digits: 3 },
    ],
    baseline: { key: 'plain.pinball', label: 'plain regression', digits: 3 },
    pictures: ['flights.svg'],
    eager: true,
  },
  {
    name: 'many-outputs/ordinal',
    title: 'Grades of films, which have an order',
    data: 'films',
    figures: [
      { key: 'corn.error', label: 'CORN, grades off', digits: 3 },
      { key: 'corn.kappa', label: 'kappa', digits: 3 },
      { key: 'classes.error', label: 'as classes', digits: 3 },
    ],
    baseline: { key: 'number.error', label: 'as a number', digits: 3 },
    pictures: ['ordinal.svg'],
    eager: true,
  },
  {
    name: 'transfer',
    title: 'Sandals and sneakers by ten pictures each, after eight other classes',
    data: 'Fashion-MNIST',
    figures: [
      { key: 'head', label: 'a new head, test accuracy, %', digits: 1 },
      { key: 'all', label: 'all at one rate, %', digits: 1 },
      { key: 'gradual', label: 'from the head down, %', digits: 1 },
    ],
    baseline: { key: 'scratch', label: 'from random weights', digits: 1 },
    pictures: ['transfer.svg'],
    eager: true,
  },
  {
    name: 'leave-tfjs',
    title: 'A convolutional network that TensorFlow.js began, trained further',
    data: 'MNIST',
    figures: [{ key: 'accuracy', label: 'test accuracy, %', digits: 2 }],
    baseline: { key: 'before', label: 'as it came from TensorFlow.js', digits: 2 },
  },
  {
    name: 'onnx-finetune',
    title: 'A pretrained ONNX model, a recogniser of text, gets a new head and learns 200 digits',
    data: 'MNIST',
    figures: [
      { key: 'everything', label: 'fine-tuned, test accuracy, %', digits: 2 },
      { key: 'head', label: 'the new head alone, %', digits: 2 },
      { key: 'lenet', label: 'LeNet on the same digits, %', digits: 2 },
    ],
    baseline: { key: 'scratch', label: 'the same network from random weights', digits: 2 },
    pictures: ['onnx-finetune.svg'],
    eager: true,
  },
];
