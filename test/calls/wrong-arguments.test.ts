// Every function, constructor and method of the package is called with each kind of wrong argument in each place, options
// and elements of lists included: it answers with an error of ours, or the value is one that it is documented to take.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as adjoint from '../../dist/index.js';
import { type Call, publicCalls } from '../fixtures/calls/index.mjs';
import { at, ending, placesIn, replaced, wrongs } from '../fixtures/calls/wrong.mjs';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-wrong-arguments-'));
const calls = publicCalls(folder);

const classOf = (value: unknown): string => {
  if (value === null || typeof value !== 'object') return typeof value;
  return Array.isArray(value) ? 'array' : value.constructor.name;
};

// What stands for a value of a kind: other values of its own kind, which may be in range or not.
const alike: Record<string, readonly string[]> = {
  array: ['array', 'empty array'],
  boolean: ['true'],
  function: ['function'],
  number: ['7', '-1', '0.5', 'infinity', '2^53'],
  Object: ['object'],
  Tensor: ['tensor', 'int32', 'uint8', 'float64', 'scalar'],
};

const numbers = ['7', 'NaN', '-1', '0.5', 'infinity', '2^53'];
const one = ['tensor', 'int32', 'uint8', 'float64', 'scalar'];

// What a place takes beside values of the kind that stands there in the table of calls.
const documented: [places: RegExp, kinds: readonly string[]][] = [
  // operations: a number in place of a tensor
  [/^(Tensor\.)?(add|div|eq|g[et]|l[et]|maximum|minimum|mul|ne|pow|sub) [01]$/, numbers],
  [/^(Tensor\.)?(atan2|bitwise(And|Or|Xor)|copysign|floorDivide|fmod|heaviside|hypot) [01]$/, numbers],
  [/^(Tensor\.)?(logaddexp2?|remainder|xlogy) [01]$/, numbers],
  [/^(Tensor\.)?(bitwise\w+Shift|fmax|fmin|gcd|isin|lcm|ldexp|nextafter) [01]$/, numbers],
  [/^gradient 1\.spacing(\.\d)?$/, ['7', '-1', '0.5', '2^53', 'tensor']],
  [/^lerp 2$|^Tensor\.lerp 1$/, ['scalar']],
  [/^(Tensor\.)?(dsplit|hsplit|tensorSplit|vsplit) \d$/, ['array', 'empty array', 'typed array']],
  [/^(Tensor\.)?(combinations|concat|roll|tensordot|unbind) \d$/, ['-1', '7', 'array', 'typed array']],
  [/^meshgrid 2$/, ['tensor', 'scalar']], // one more vector
  [/^(Tensor\.)?(clamp_?|clip) \d$/, ['scalar', 'tensor']],
  [/^empty 2$/, ['7']],
  [/^indexFill 3$|^Tensor\.indexFill 2$/, ['NaN', 'scalar']],
  [/^scatter 3$|^Tensor\.scatter 2$/, numbers],
  [/^bucketize 0$|^searchsorted 1$/, numbers],
  [/^(nan)?quantile 1$|^Tensor\.(nan)?quantile 0$/, ['tensor', 'scalar']],
  [/^where [12]$|^Tensor\.where [01]$/, numbers],
  [/^(add|sub)_ 1$|^Tensor\.(add|sub)_ 0$/, numbers],
  [/^copy_ 1$|^Tensor\.copy_ 0$/, [...numbers, 'true']],
  [/^(add|sub) 2$|^Tensor\.(add|sub) 1$/, numbers], // the index that xs.reduce(add) passes
  // models: what ends a text, tokens that there need not be, inputs that may be left out
  [/^models\.generate(Stream)? 2\.stop$/, ['array', 'empty array', 'function']],
  [/^models\.\w+ 0\.(padTokenId|nInner|numKeyValueHeads|headDim)$/, ['null']],
  [/^models\.\w+ 0\.eosTokenId$/, ['array', 'empty array', 'null']],
  [/^models\.\w*(Bert|GPT2|Llama)\w+\.forward [12](\.\w+Ids)?$/, ['null', 'undefined', 'object']],
  [/^models\.fromPretrained 1\.config$/, ['module']],
  // names of parameters: a text, an expression, several
  [/^compress\.\w+ 1\.names$/, ['string', 'undefined']],
  [/^explain\.\w+ 2\.baseline$/, [...numbers, 'tensor']],
  [/^compress\.(makePermanent|shrink) 0$/, ['module']],
  [/^rl\.ConnectFour 0\.opponent$/, ['function']],
  [/^rl\.Environment\.step 0$/, ['7', '-1', '0.5', '2^53']], // of one number
  [/^rl\.PrioritizedReplayBuffer\.updatePriorities 1$/, ['scalar']],
  // names: a text, an expression, several; adapters in a folder of any name
  [/^nn\.LoRA\.apply 1\.modulesToSave$/, ['string', 'empty array', 'strings']],
  [/^nn\.utils\.(un)?freeze 1$/, ['undefined']],
  [/^models\.saveAdapter 0$/, ['string']],
  // values of samples, weights, and a score that leaves a class out of means
  [/^metrics\.\w+ [01]$|^metrics\.\w+\.update [0-2]$/, ['typed array']],
  [/^metrics\.\w+\.update 2$/, ['undefined']],
  [/^metrics\..*\.zeroDivision$/, ['NaN']],
  // TensorBoard's files: places, tags, texts; hyperparameters and values of any kind; the graph of a model or of a tensor
  [/^train\.TensorBoard(\.add\w+)? 0$/, ['string']],
  [/^train\.TensorBoard\.addText 1$/, ['string', 'empty string']],
  [/^train\.TensorBoard\.addEmbedding 1\.metadata/, ['string', 'empty string']],
  [/^train\.TensorBoard\.(addEmbedding 1\.tag|addHparams 2\.runName)$/, ['string']],
  [/^train\.TensorBoard\.addHparams 0\./, [...numbers, 'string', 'empty string', 'true']],
  [/^train\.TensorBoard\.add(Hparams 1\.|Scalars? 1)/, [...numbers, 'scalar']],
  [/^train\.TensorBoard\.addHistogram 1$/, ['array', 'typed array']],
  [/^train\.TensorBoard\.add(Histogram|Image|Scalars?|Text) 2$/, ['undefined']],
  [/^train\.TensorBoard\.addGraph 0$/, [...one, 'module']],
  // parameters and values of distributions: numbers or tensors
  [/^distributions\.(?!Normal)\w+ \d$/, ['tensor', 'float64', 'scalar']],
  [/^distributions\.Normal(\.(logProb|cdf))? [01]$/, ['7', '-1', '0.5', 'infinity', '2^53']],
  [/^distributions\.Normal\.icdf 0$/, numbers],
  [/^distributions\.(Categorical\.enumerateSupport|Multinomial|Normal\.r?sample|StudentT) [012]$/, ['undefined']],
  [/^distributions\.(CatTransform|LKJCholesky|StackTransform) [12]$/, ['undefined', 'object']],
  [/^distributions\.LogisticNormal [01]$/, ['-1', '0.5', 'infinity', '2^53']],
  [/^distributions\.Binomial 0$/, ['int32', 'uint8']],
  // values that may be NaN
  [
    /(add|sub)_ \d\.alpha$|fill_ \d$|fillDiagonal 0$|maskedFill \d$|pad \d\.value$|^full 1$|^fullLike 1$|constant_ 1$/,
    ['NaN'],
  ],
  [/^(Tensor\.)?nanToNum \d$/, ['NaN']],
  [/^tensor 0\.\d\.\d$/, ['NaN', 'true']],
  [
    /^data\.defaultCollate 0\.\d\.b$|^train\.Progress\.step 1$|^optim\.lrScheduler\.ReduceLROnPlateau\.step 0$/,
    ['NaN'],
  ],
  [/^linalg\.(cond|matrixNorm|norm) 1(\.p|\.ord)?$/, ['-1', 'infinity']],
  [/^linalg\.vectorNorm 1\.dim$/, ['-1']],
  [/^io\.(latest|save)Checkpoint 0$/, ['string']],
  [/^io\.onnx\.(export 2\.(path|outputNames\.0)|load 0)$/, ['string']], // export makes a file of any name
  [/^io\.onnx\.export 0$/, ['module']],
  [/^io\.onnx\.export 2\.dynamicBatch$/, ['true']],
  [/^train\.(Checkpoint|CsvLog|JsonLog|TensorBoardLog) 0$/, ['string']],
  [/^train\.(RunLog|serve) 0$/, ['string', 'empty string']], // other calls make folders of any text
  [/^train\.RunLog 1\.configuration$/, ['foreign tensor']],
  [/^train\.(Checkpoint 1|EarlyStopping 0)\.monitor$/, ['string', 'empty string']],
  [/^train\.GradualUnfreezing 0\.groups(\.\d)*$/, ['string', 'strings']], // any name, until training starts
  [/^train\.predict(Stream)? 0$/, ['module']],
  // values are kept as they are
  [
    /^(io\.saveCheckpoint 1\.generator|train\.(fit|run) 1\.state\.note)$/,
    [...numbers, ...one, 'string', 'empty string', 'strings', 'true', 'null'],
  ],
  [
    /^(io\.saveCheckpoint 1\.generator|train\.(fit|run) 1\.state\.note)$/,
    ['array', 'empty array', 'typed array', 'Map', 'module', 'object', 'foreign tensor'],
  ],
  [/^train\.(fit|run) 1\.state\.note$/, ['disposed tensor']],
  // one number for all dimensions, or one for each
  [/^(Tensor\.)?(all|any|flip|mean|norm|prod|squeeze|std|sum|var) \d$/, ['array', 'empty array']],
  [/^(Tensor\.)?(amax|amin|countNonzero|cum\w+|diff|logcumsumexp|median|mode|nan\w+|quantile) \d$/, ['-1', 'array']],
  [/^(Tensor\.)?(arg\w+|cumsum|max|min|stack|std|topk|tri[lu]|var) \d$|^nn\.(LogSoftmax|Softmax) 0$/, ['-1', '7']],
  [/^(Tensor\.)?(arg)?sort [12]$|^(Tensor\.)?topk [23]$/, ['true']],
  [/^nn\.(ELU|GELU|Hardtanh|LeakyReLU|Softplus) \d$/, [...numbers, 'undefined', 'object']],
  [/^Tensor\.requiresGrad_? 0$/, ['undefined']],
  [/^(Tensor\.)?(expand|flip|permute|reshape|view|squeeze|tile) [01]$/, ['-1', '7']],
  [/^(zeros|ones|randn?) 0$/, ['7']],
  [/split \d$/, ['7']],
  [/([aA]daptive|[aA]vgPool[23]d|[mM]axPool[23]d|(lp|LP)Pool[23]d|[fF]old|Conv|Norm).* \d$/, ['7']],
  [/nn\.Fold [01]$/, ['array']],
  [/^randint 0$/, ['undefined']],
  [/^(Tensor\.)?index(Put_?)? [01](\.1)?$/, ['array', 'empty array']],
  [/^nn\.MultiheadAttention 2\.[kv]dim$/, ['null']],
  [/ractionalMaxPool[23]d \d$/, ['null', 'undefined']], // outputSize, or outputRatio instead
  [/nn\.\w+Pad\dd 0$/, ['7', '-1']],
  [/[pP]ad\w* \d\.value$/, ['null']],
  [/([pP]ool2d|[cC]onv2d|[cC]onvTranspose2d|[fF]old) \d\.(stride|padding|outputPadding|dilation)$/, ['array']],
  [/(interpolate|Upsampl(e|ing\w+)) \d\.size$/, ['7']],
  [/(One|Cyc)\w+LR 1\.max(Lr|Momentum)$|ReduceLROnPlateau 1\.minLr$/, ['7', '0.5', '2^53']],
  [/^nn\.utils\.(clip|getTotal)\w+ 1$/, ['7', '0.5', '2^53']],
  [/^nn\.utils\.parametrizations\.weightNorm 1\.dim$/, ['null']],
  [/^nn\.utils\.parametrize\.(isParametrized 0|registerParametrization 2)$/, ['module']],
  [/^nn\.utils\.parametrize\.isParametrized 1$/, ['string', 'empty string', 'undefined']],
  [/^nn\.utils\.rnn\.PackedSequence [23]$/, ['null', 'undefined']],
  [/^nn\.utils\.rnn\.pad\w+ 1\.(paddingValue|totalLength)$/, ['NaN', 'null']],
  [/^nn\.utils\.rnn\.unpadSequence 1$/, ['array']],
  [/^func\.(grad|gradAndValue|hessian|jacrev) 1(\.argnums)?$/, ['array']],
  [/^func\.functionalCall 1$/, ['empty array']],
  [/^optim\.swaUtils\.getEma\w+ 0$/, ['undefined', 'object']],
  [/^optim\.swaUtils\.SWALR 1\.swaLr$/, ['7', '0.5', '2^53']],
  [
    /^optim\.(EMA|swaUtils\.AveragedModel|swaUtils\.AveragedModel\.updateParameters) 0$|^optim\.swaUtils\.updateBn 1$/,
    ['module'],
  ],
  // the first option by position
  [/^optim\.(EMA|swaUtils\.SWALR) 1$/, ['7', '0.5', '2^53', 'array', 'empty array']],
  [/^optim\.(?!lrScheduler)\w+ 1$/, ['7', '0.5', '2^53']],
  [
    /^optim\.lrScheduler\.(?!Lambda|Multiplicative|ReduceLR)\w+LR 1$/,
    ['7', '0.5', '2^53', 'array', 'empty array', 'typed array'],
  ],
  [/^optim\.lrScheduler\.CosineAnnealing\w+ 1$/, ['7']],
  [/data\.augment 0\.(crop|crop\.size|fill)$/, ['7']],
  [/data\.augment 0\.(rotate|shift|shift\.[xy])$/, ['7', '0.5', '2^53', 'array']],
  [/^nn\.functional\.gumbelSoftmax [12]$/, ['undefined']],
  // options of functions that have none may be empty
  [/^flip 2$|^Tensor\.flip 1$/, ['object']],
  // arguments that may be left out, or given by name
  [
    /^(Tensor\.)?(cdist|combinations|concat|cosineSimilarity|diag\w*|normalize|pairwiseDistance) \d$/,
    ['undefined', 'object'],
  ],
  [/^(Tensor\.)?(cross|kthvalue|put|sliceScatter|sumToSize|vander|\w+Window) \d$/, ['undefined', 'object']],
  [/^Tensor\.new(Empty|Ones|Zeros) 2$|^Tensor\.newTensor 0$/, ['7']],
  [/^Tensor\.newFull 1$|^Tensor\.newTensor 0\.\d$/, ['NaN']],
  [/^Tensor\.newTensor 0(\.\d)?$/, [...numbers, 'true', 'typed array']],
  [/^(Tensor\.)?(pdist|roll|rot90|tensorSplit|tri[lu]Indices|unbind) \d$/, ['undefined', 'object']],
  [/^(Tensor\.)?(bernoulli|clip|logspace|randintLike|vander) \d$/, ['undefined', 'object']],
  [/^(Tensor\.)?(bincount|histc|takeAlongDim|repeatInterleave) \d$/, ['undefined', 'object']],
  [/^(Tensor\.)?(allclose|diff|isclose|logit|nanToNum) \d$/, ['undefined', 'object']],
  [
    /^(Tensor\.)?(amax|amin|countNonzero|median|mode|nan(mean|median|quantile|sum)|quantile) \d$/,
    ['undefined', 'object'],
  ],
  [
    /^(Tensor\.)?(all|any|arg\w+|cat|chunk|clamp|elu|flatten|leakyRelu|max|mean|min|norm|oneHot|prod) \d$/,
    ['undefined', 'object'],
  ],
  [/^(Tensor\.)?(hardtanh|softplus|sort|split|squeeze|stack|std|sum|topk|tri[lu]|var) \d$/, ['undefined', 'object']],
  [/^Tensor\.(bernoulli|cauchy|exponential|logNormal|normal|random|uniform)_? [01]$/, ['undefined', 'object']],
  [/^Tensor\.bernoulli_? 0$/, ['tensor', 'float64', 'scalar']],
  [/^indexPut 2$|^Tensor\.indexPut_? 1$/, [...numbers, 'uint8', 'scalar']],
  [
    /^indexPut 1\.0$|^Tensor\.indexPut_? 0\.0$|^Tensor\.index [01]$/,
    ['object', 'null', '7', '-1', 'int32', 'uint8', 'scalar'],
  ],
  [/^(max|min) 1$|^Tensor\.(max|min) 0$/, one],
  [/^nn\.LazyConv2d 1$/, ['array']],
  [/^(Tensor\.)?(div|round) \d$/, numbers], // an index, as xs.reduce(div) gives it
  [/^histogramdd 1$/, ['7']],
  [/^(pca|svd)Lowrank [123]$/, ['undefined']],
  [/^bernoulli 1$/, ['float64', 'scalar']],
  [/^normal 1$/, ['undefined']],
  [/^nn\.(functional\.f|F)ractionalMaxPool[23]d \d(\.outputRatio)?$/, ['array', '7', '0.5']],
  [/^nn\.Transformer \d$/, ['undefined', 'function']],
  [/^nn\.Transformer\.forward 2$/, ['null']],
  [/maxPool2dWithIndices \d(\.(stride|dilation))?$/, ['array']],
  [
    /[mM]axUnpool[123]d(\.forward)? \d(\.(kernelSize|stride|outputSize|padding))?$/,
    ['array', 'null', 'undefined', 'object'],
  ],
  // what may be absent
  [/^autograd\.functional\.vjp 2$/, ['undefined']],
  [/(batch|instance)Norm [012]$|[cC]onv\w* [12]$|linear [12]$/, ['null', 'undefined']],
  [
    /(batchNorm|BatchNorm(?:\dd)?|InstanceNorm\dd|[rR][mM][sS]Norm).* \d\.(running\w+|numBatchesTracked|momentum|eps)$/,
    ['null'],
  ],
  [/([bB]atch|group|instance|layer|rms)Norm \d\.(weight|bias|running\w+)$|^instanceNorm 3$/, ['null']],
  [/^nn\.(Multihead|Transformer)\w+\.forward \d(\.\w*[mM]ask)?$/, ['null']],
  [/linear \d(\.bias)?$|scaledDotProductAttention \d\.(attnMask|scale)$/, ['null']],
  [/[aA]daptive\w+[23]d \d\.\d$|(interpolate|Upsample) \d\.(align|recompute)\w+$/, ['null']],
  [
    /mbedding(Bag)?(\.fromPretrained)? \d\.(paddingIdx|maxNorm|offsets|perSampleWeights)$|nn\.Transformer(De|En)coder 2\.norm$/,
    ['null'],
  ],
  [/^grad 2\.gradOutputs\.0$|^(Tensor\.)?backward \d$|^Tensor\.grad 0$/, ['null']],
  [/^nn\.EmbeddingBag\.forward [12]$|^nn\.(GRU|LSTM|RNN)(Cell)?\.forward [12](\.[01])?$/, ['null', 'undefined']],
  [/^arange [12]$|^eye 1$|^nn\.init\.calculateGain 1$|^Generator 0$|^(Tensor\.)?backward \d$/, ['undefined']],
  [/^nn\.MultiheadAttention\.forward [12]$|^nn\.Module\.(requiresGrad_|train) 0$/, ['undefined']],
  [
    /^optim\.(Optimizer|lrScheduler\.CosineAnnealingWarmRestarts)\.step 0$|^nn\.KeyValueCache\.truncate 0$|^train\.Progress\.(endEpoch 0|step 1)$/,
    ['undefined'],
  ],
  [/^optim\.lrScheduler\.ReduceLROnPlateau\.loadStateDict 0\.best$/, ['null']],
  [/^optim\.(Adafactor 1\.eps\.0|Muon 1\.adjustLrFn|LBFGS 1\.(maxEval|lineSearchFn))$/, ['null']],
  [/^optim\.LBFGS\.loadStateDict 0\.param_groups\.0\.(maxEval|lineSearchFn)$/, ['7', 'null']],
  // loaders: numbers of samples in any array, options by position, the state between two epochs
  [/^data\.DataLoader \w+ 0\.(sampler|batchSampler\.\d)$/, ['typed array']],
  [/^data\.(Distributed|Random|Sequential)Sampler 0$/, ['array', 'strings', 'typed array', ...one]], // all that has a length
  [/^data\.BucketBatchSampler 0$/, ['typed array']],
  [/^data\.BatchSampler 0$/, ['array', 'strings', 'typed array']],
  [/^data\.DataLoader\.loadStateDict 0\.begin$/, ['null']],
  [/^data\.padSequence [123]$/, ['undefined', 'object']],
  [/^data\.WeightedRandomSampler 0$/, ['tensor', 'scalar']],
  // features, labels and folds: cells, labels, names of columns
  [/^data\.Features\.transform 0\.0\.a$/, ['NaN', 'empty string', 'bigint', 'null']],
  [/^data\.Features\.transform 0\.0\.b$/, [...numbers, 'string', 'empty string', 'true', 'bigint', 'null', 'Date']],
  [/^data\.Features\.fromJSON 0\.columns\.\d\.column$/, ['string', 'empty string']],
  [/^data\.Features\.fromJSON 0\.columns\.\d\.(part|categories)$/, ['null', 'strings']],
  [/^data\.Labels\.(fit 0|fromJSON 0\.classes)\.\d$/, ['7', '-1', '0.5', '2^53', 'string', 'empty string', 'true']],
  [/^data\.Labels\.(fit|transform|fromJSON) 0(\.classes)?$/, ['strings']],
  [/^data\.Labels\.inverse 0$/, ['typed array', ...one]],
  [/^data\.TargetScaler\.(fit|transform) 0$/, ['typed array']],
  [/^data\.(\w*KFold\.split|trainTestSplit\w*) 0$/, ['array', 'strings', 'typed array', ...one]],
  [/^data\.\w*KFold 0$/, ['undefined', 'object']],
  // tables: values of columns, and words in files
  [/^data\.(rows|Table\.fromRows) 0\.0\.a$/, ['NaN', 'empty string', 'bigint', 'null']],
  [/^data\.(rows|Table\.fromRows) 0\.0\.b$/, [...numbers, 'string', 'empty string', 'true', 'bigint', 'null', 'Date']],
  [/^data\.\w+(\.\w+)? 1\.(missing|columns)$/, ['strings']],
  [/^data\.\w+(\.\w+)? 1\.((missing|columns)\.\d|comment)$/, ['string', 'empty string']],
  [/^data\.Table\.slice \d$/, ['undefined']],
  [/^data\.Table 0\.b\.categories(\.0)?$/, ['strings', 'string', 'empty string']],
  [/^data\.Table 0\.c\.values(\.\d)?$/, ['strings', 'string', 'empty string', 'null']],
  [/^train\.TabularModel\.predict(Proba)? 0\.0\.x$/, ['NaN', 'empty string', 'bigint', 'null']],
  [
    /^train\.TabularModel\.predict(Proba)? 0\.0\.kind$/,
    [...numbers, 'string', 'empty string', 'true', 'bigint', 'null', 'Date'],
  ],
  [/^train\.TabularModel\.save 0$/, ['string']],
  [/^train\.tabular 1\.tuneLog$/, ['string']],
  [/^data\.csv(Stream)? 1\.quote$/, ['null']],
  [/^data\.imageFolder 1\.size$/, ['7']],
  // one tensor in place of a list, and others
  [/\.milestones$/, ['typed array']],
  [/^nn\.Module\.summary 0$/, one], // the table shows where forward failed
  [/^optim\.\w+ 0$|^optim\.(SGD 0\.0|SGD 0\.0\.params|Optimizer\.addParamGroup 0\.params)$/, one],
  [/^nn\.utils\.(clip\w+|getTotalNorm|parametersToVector) 0$|^nn\.utils\.vectorToParameters 1$/, one],
  [/^nn\.utils\.fuse(Conv|Linear)BnWeights [156]$/, ['null']],
  [/^grad [01]$|^gradcheck 1$|^numericalGradient 2\.gradients$/, one],
  [/^graph(Dot|Text) 1\.names\.0\.0$/, ['string', 'empty string']],
  [/^graph(Dot|Text) 1\.names\.0\.1$/, ['disposed tensor']],
  [/^(customFunction|io\.save(Async)?|io\.writePng) 0$|^data\.defaultCollate 0$/, ['string', 'strings']],
  [/^train\.Progress\.(endEpoch|log) 0$|^io\.save(Async)? 2\.metadata\.a$/, ['string', 'empty string']],
  [/^nn\.([sS]equential \d|Transformer(De|En)coder 2\.norm)$/, ['function', 'module']],
  [/^nn\.Transformer(De|En)coderLayer 2\.activation$|^train\.Progress\.step 1$/, ['function']],
  [/^optim\.lrScheduler\.ReduceLROnPlateau\.step 0$|^compile\(\)(\.sync)? 1$/, ['scalar']],
  [/^compile\(\)(\.sync)? [01]$|^compile\(\)\.run 0\.0\.[01]$/, numbers],
  [/^nn\.Parameter 1$/, ['true']],
  [/^nn\.PReLU 0$/, ['undefined']],
  [/^nn\.functional\.(binaryCrossEntropy\w*|crossEntropy|nllLoss) 2$/, one], // its weight
  [/^nn\.(BCE|BCEWithLogits|CrossEntropy|NLL|MultiLabelSoftMargin)Loss 0$/, one],
  [/^(cosineSimilarity|pairwiseDistance) [2-4]$|^nn\.(CosineSimilarity|PairwiseDistance) \d$/, ['undefined', 'object']],
  [
    /^nn\.init\.(dirac_ 1|kaiming\w+ [1-3]|(normal|uniform)_ [12]|orthogonal_ 1|sparse_ 2|truncNormal_ [1-4]|xavier\w+ 1)$/,
    ['undefined'],
  ],
  [/^nn\.init\.(calculateGain|dirac_) 1$|^nn\.init\.truncNormal_ 4$/, ['object']],
  [/^nn\.(AdaptiveLogSoftmaxWithLoss [34]|Bilinear 3|LocalResponseNorm [1-3])$/, ['undefined']],
  [/^nn\.(AdaptiveLogSoftmaxWithLoss 4|Bilinear 3|LocalResponseNorm 3)$/, ['object']],
  [/^nn\.functional\.(bilinear 3|localResponseNorm [2-4])$/, ['undefined', 'null', 'object']],
  [/(^|\.)[aA]daptiveMaxPool1d [12]$/, ['undefined', 'object']],
  [/^nn\.functional\.affineGrid 2$/, ['undefined', 'object']],
  [/^nn\.Unflatten 1$/, ['typed array']],
  [/^nn\.CTCLoss\.forward [23]$/, ['array']],
  [/^nn\.(functional\.ctcLoss 4|CTCLoss 0)$/, ['undefined']],
  [/^nn\.CosineSimilarity 0$/, ['7', '-1']],
  [/^nn\.functional\.(hingeEmbedding|multilabelSoftMargin|multiMargin|ntXent|sigmoidFocal)Loss [23]$/, ['undefined']],
  [/^nn\.functional\.(cosineEmbedding|marginRanking|tripletMargin)Loss [34]$/, ['undefined']],
  [/^nn\.((Cosine|Hinge)Embedding|MarginRanking|Multi(LabelSoft)?Margin|TripletMargin)Loss [01]$/, ['undefined']],
  [/^nn\.(functional\.gaussianNllLoss|GaussianNLLLoss\.forward) 2$/, ['7', '0.5', '2^53']],
  // texts and numbers of charts; NaN is a value that is missing
  [
    /^charts\.(bars|heatmap) 0\.(names|rows|columns)(\.\d)?$|^charts\.heatmap 0\.[xy]$/,
    ['string', 'empty string', 'strings'],
  ],
  [/^charts\.(bars 0\.(values|errors)|heatmap 0\.values\.0|lines 0\.lines\.0\.y)\.\d$/, ['NaN']],
  [/^charts\.lines 0\.lines\.0\.y$/, ['typed array']],
  [/^charts\.sideBySide 1$/, ['undefined']],
  [/^charts\.sideBySide (0|1\.title)$/, ['string', 'empty string', 'empty array']],
  // texts and numbers of a run
  [/^train\.permutationImportance 1\.names\.\d$|^train\.report 1\.path$/, ['string', 'empty string']],
  [
    /^train\.RunLog (0|1\.name)$|^train\.RunLog\.(onEnd|onWarning) 0\.(result\.\w+|message)$/,
    ['string', 'empty string'],
  ],
  [
    /^train\.RunLog\.record(Classes|Importance) (0\.(classes|names)(\.\d)?|1\.metric)$/,
    ['string', 'empty string', 'strings'],
  ],
  [/^train\.RunLog\.recordPictures 0\.(pictures\.0\.caption|title)$/, ['string', 'empty string']],
  [
    /^train\.RunLog\.record(Errors|Samples) 0\.0\.(text|target|prediction)$/,
    ['string', 'empty string', ...numbers, 'NaN'],
  ],
  [/^train\.RunLog\.record(Errors|Samples) 0\.0\.loss$|^train\.RunLog\.on\w+ 0\.values\.loss$/, ['NaN']],
  [/^train\.RunLog\.recordImportance 0\.importances(Mean|Std)(\.\d)?$/, ['NaN', 'typed array']],
  [/^train\.RunLog\.recordHistograms 0$/, ['module']],
  // containers, and what is registered under a name
  [/^nn\.ModuleDict(\.update)? 0(\.[ab])?$/, ['empty array', 'module']],
  [/^nn\.ModuleList 0(\.[01])?$/, ['undefined', 'module']],
  [/^nn\.ParameterDict 0$/, ['empty array']],
  [/^nn\.ParameterList 0$|^nn\.Sequential\.(pop 0|slice [01])$/, ['undefined']],
  [/^nn\.Sequential\.(append 0|extend 0\.0|insert 1)$/, ['function', 'module']],
  [/^nn\.(ModuleDict\.set|ParameterDict\.set|Module\.(add|register)\w+|Module\.setSubmodule) 0$/, ['string']],
  [/^nn\.(ModuleDict\.set|Module\.(add|register|set)\w+) 1$/, ['module', 'null']],
  [/^nn\.Module\.named\w+ 0(\.prefix)?$/, ['string', 'empty string']],
  [/^nn\.Module\.getSubmodule 0$/, ['empty string']],
  [/^nn\.ModuleDict\.has 0$/, ['string', 'empty string']],
  [/^nn\.Identity\.forward 0$/, Object.keys(wrongs)],
  // models
  [/^models\.(Diffusion 0|ImageClassifier [01])$/, ['module']],
  [/^robust\.(fgsm|pgd) 0$/, ['module']],
  [/^models\.LSTMClassifier\.forward 1$/, ['null', 'undefined']],
  [/^models\.VAE [012]$/, ['undefined', 'object']],
];

function isDocumented(name: string, path: readonly (string | number)[], valid: unknown, kind: string): boolean {
  if (alike[classOf(valid)]?.includes(kind)) return true;
  // Options may be left out, all or one.
  if (kind === 'undefined' && (path.length > 1 || classOf(valid) === 'Object')) return true;
  // In place of the options, an option may be given by position.
  if (path.length === 1 && classOf(valid) === 'Object') {
    const options = Object.entries(valid as object);
    if (options.some(([key, value]) => isDocumented(name, [...path, key], value, kind))) return true;
  }
  const place = `${name} ${path.join('.')}`.replace(/(?<=^Tensor\.\w+)(?<!add|copy|fill|random|sub)_ /, ' '); // as without _
  return documented.some(([places, kinds]) => kinds.includes(kind) && places.test(place));
}

const { limitBytes } = adjoint.memoryStats();
const threads = adjoint.getNumThreads();
const before = process.cwd();
const unhandled: unknown[] = [];
const note = (error: unknown): void => {
  unhandled.push(error);
};

beforeAll(() => {
  process.chdir(folder);
  process.on('unhandledRejection', note);
});
afterEach(() => {
  adjoint.setMemoryLimit(limitBytes);
  adjoint.setNumThreads(threads);
});
afterAll(() => {
  process.off('unhandledRejection', note);
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

// The calls with a wrong argument that end neither in an error of ours nor as documented.
async function faultsOf({ name, args, run }: Call): Promise<string[]> {
  const faults: string[] = [];
  for (const path of placesIn(args())) {
    for (const [kind, make] of Object.entries(wrongs)) {
      adjoint.setMemoryLimit(2 ** 26); // models of their default sizes are refused soon
      const given = args();
      const valid = at(given, path);
      const end = await ending(() => run(...replaced(given, path, make())));
      if (end === 'refused' || (end === 'passed' && isDocumented(name, path, valid, kind))) continue;
      faults.push(`${path.join('.')} ${kind}: ${end}`);
    }
  }
  return faults;
}

describe('each kind of wrong argument', () => {
  for (const call of calls) {
    it(`of ${call.name}`, async () => expect(await faultsOf(call)).toEqual([]));
  }

  it('planted faults are found', async () => {
    const args = () => [adjoint.ones([2]), { dim: 0 }];
    const run = async (x: adjoint.Tensor, { dim }: { dim: number }) => x.sum({ dim: [dim] });
    const faults = await faultsOf({ name: 'planted', args, run });
    expect(faults).toContain('0 7: TypeError: x.sum is not a function');
    expect(faults).toContain(
      "1 undefined: TypeError: Cannot destructure property 'dim' of 'undefined' as it is undefined.",
    );
    expect(await faultsOf({ name: 'planted', args, run: (x) => x })).toContain('0 string: passed');
  });

  it('leaves no rejected promise behind', async () => {
    await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
  });
});

describe('the table of calls', () => {
  it.each(calls.filter((c) => c.name !== 'data.mnist').map((c) => [c.name, c] as const))(
    '%s is right',
    async (_, c) => {
      await c.run(...c.args());
    },
  );

  it('has every function and class of the package', () => {
    // Tensors, tabular models and those of ONNX are made by functions, a parallel module and a divided optimizer need a run (test/distributed), some models are large (test/models); the others are bases.
    const bases = [
      'Tensor',
      'data.Dataset',
      'data.Sampler',
      'distributions.Distribution',
      'distributions.ExponentialFamily',
      'distributions.Transform',
      'io.onnx.OnnxModule',
      'metrics.AreaMetric',
      'metrics.ErrorMetric',
      'metrics.FoundMetric',
      'metrics.LabelMetric',
      'metrics.MeanMetric',
      'metrics.Metric',
      'metrics.RankingMetric',
      'models.efficientnetB0',
      'models.resnet18',
      'models.resnet34',
      'models.resnet50',
      'models.vitB16',
      'nn.DistributedDataParallel',
      'nn.LoRA',
      'nn.Module',
      'nn.RecurrentCell',
      'nn.RecurrentModule',
      'nn.utils.parametrize.ParametrizationList',
      'optim.Optimizer',
      'optim.ZeroRedundancyOptimizer',
      'rl.Environment',
      'models.CausalLM',
      'optim.lrScheduler.LRScheduler',
      'train.TabularModel',
    ];
    const {
      compress,
      explain,
      func,
      nn,
      optim,
      data,
      distributions,
      io,
      linalg,
      metrics,
      models,
      privacy,
      rl,
      robust,
      train,
    } = adjoint;
    const spaces = {
      '': adjoint,
      'nn.': nn,
      'nn.functional.': nn.functional,
      'nn.init.': nn.init,
      'nn.utils.': nn.utils,
      'nn.utils.parametrizations.': nn.utils.parametrizations,
      'nn.utils.parametrize.': nn.utils.parametrize,
      'nn.utils.rnn.': nn.utils.rnn,
      'optim.': optim,
      'optim.lrScheduler.': optim.lrScheduler,
      'optim.swaUtils.': optim.swaUtils,
      'compress.': compress,
      'explain.': explain,
      'data.': data,
      'distributions.': distributions,
      'func.': func,
      'io.': io,
      'io.onnx.': io.onnx,
      'linalg.': linalg,
      'metrics.': metrics,
      'models.': models,
      'privacy.': privacy,
      'rl.': rl,
      'robust.': robust,
      'train.': train,
    };
    const all = Object.entries(spaces).flatMap(([prefix, space]) =>
      Object.entries(space)
        .filter(([, value]) => typeof value === 'function' && !(value.prototype instanceof Error))
        .map(([name, value]) => ({ name: prefix + name, value: value as unknown })),
    );
    const names = new Set(calls.map((c) => c.name));
    const runs = new Set(calls.map((c): unknown => c.run)); // a function may have two names
    const lacking = all.filter(({ name, value }) => !bases.includes(name) && !names.has(name) && !runs.has(value));
    expect(lacking.map(({ name }) => name)).toEqual([]);
  });
});
