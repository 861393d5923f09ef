"""Makes grid.json: small sizes of every option of pooling, convolution, interpolation, slicing, padding and unfolding, as
PyTorch has them. It runs with PyTorch 2.15, whose rules for windows larger than the input others refuse.

A case is a number: `families` says how its options follow from it, and test/ops/grid.test.ts computes the same. Of each case
two characters are kept: a hash of the shapes and values of the result and of all gradients, or `..` where PyTorch refuses.
All is computed in float64 from integers, so that a result times 100 π is never near the middle between two integers,
whatever the order of the sums. `edges` are cases without elements, written out: {name, shapes, args, options, result}, the
result's shape, or null where PyTorch refuses.
"""
import math
import re
import string

import numpy as np
import torch
import torch.nn.functional as F

from common import write

MASK = 0xFFFFFFFF
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + '+/'
# Options that are drawn for each spatial dimension.
PER_DIMENSION = {'size', 'kernelSize', 'stride', 'padding', 'dilation', 'outputPadding', 'outputSize', 'scaleFactor', 'to',
                 'before', 'after'}


def mix(n):
    n = (n ^ n >> 16) * 0x45D9F3B & MASK
    n = (n ^ n >> 16) * 0x45D9F3B & MASK
    return n ^ n >> 16


def tensor_of(k, t, shape):
    """The integers of tensor t of case k."""
    n = mix(np.arange(math.prod(shape), dtype=np.int64) + 5000 * t + 100003 * k & MASK)
    return torch.from_numpy((n % 17 - 8).astype(np.float64)).reshape(shape)


def hash_of(tensors):
    h = 0x811C9DC5
    for t in tensors:
        values = t.detach().double().numpy().reshape(-1) * 314.159265358979
        exact = np.where(np.isinf(values), np.sign(values) * 0x7FFFFFFF, values)
        ticks = np.floor(exact + 0.5)
        assert np.all(np.abs(exact - np.floor(exact) - 0.5) > 1e-7), 'near the middle between two integers'
        for n in [*t.shape, *ticks.astype(np.int64).tolist()]:
            h = (h ^ n & MASK) * 0x01000193 & MASK
            h ^= h >> 15
    h = mix(h)
    return DIGITS[h & 63] + DIGITS[h >> 6 & 63]


def options_of(family, k):
    """Case k: full options count through, the others are drawn."""
    case, rest = {}, k
    for name, values in family['full']:
        value = values[rest % len(values)]
        case[name] = [value] if name in PER_DIMENSION else value
        rest //= len(values)
    for slot, (name, values) in enumerate(family['drawn']):
        picks = [values[mix(k * 64 + slot * 3 + d) % len(values)] for d in range(family['dims'])]
        case[name] = picks if name in PER_DIMENSION else picks[0]
    return case


def image(k, c, channels):
    return tensor_of(k, 0, [*c['batch'], channels, *c['size']])


def stride_of(c):
    return None if c['stride'][0] is None else [s or 1 for s in c['stride']]


def max_pool(k, c):
    dims = len(c['size'])
    f = F.max_pool1d if dims == 1 else F.max_pool2d
    x = image(k, c, c['channels'])
    y, index = f(x, c['kernelSize'], stride_of(c), c['padding'], c['dilation'], c['ceilMode'], return_indices=True)
    # A window without elements has a position outside, which PyTorch's own gradient writes to.
    dy, planes = tensor_of(k, 9, y.shape), x.numel() // math.prod(c['size'])
    index, gone = index.reshape(planes, -1), y.reshape(planes, -1).isinf()
    dx = torch.zeros(planes, math.prod(c['size']), dtype=x.dtype)
    dx.scatter_add_(1, index.masked_fill(gone, 0), dy.reshape(planes, -1).masked_fill(gone, 0))
    return [y, dx.reshape(x.shape)]


def with_gradients(k, inputs, run):
    for t in inputs:
        t.requires_grad_()
    y = run(*inputs)
    results = list(y) if isinstance(y, (tuple, list)) else [y]
    upstream = [tensor_of(k, 9 + i, r.shape) for i, r in enumerate(results)]
    gradients = torch.autograd.grad(results, inputs, upstream, materialize_grads=True)
    return [*results, *gradients]


def avg_pool(k, c):
    f = F.avg_pool1d if len(c['size']) == 1 else F.avg_pool2d
    rest = () if c.get('divisorOverride') is None else (c['divisorOverride'],)
    return with_gradients(k, [image(k, c, c['channels'])], lambda x: f(
        x, c['kernelSize'], stride_of(c), c['padding'], c['ceilMode'], c['countIncludePad'], *rest))


def adaptive(average, maximum):
    def run(k, c):
        f = (average if c['kind'] == 'avg' else maximum)[len(c['size']) - 1]
        size = c['outputSize'] if len(c['size']) > 1 else c['outputSize'][0]
        x = image(k, c, c['channels'])
        if 0 in c['outputSize']:  # PyTorch refuses the gradient of an empty result.
            return [f(x, size), torch.zeros_like(x)]
        return with_gradients(k, [x], lambda x: f(x, size))
    return run


def operands(k, c, transposed):
    g, a, b = c['groups'], c['inPerGroup'], c['outPerGroup']
    shape = [g * a, b] if transposed else [g * b, a]
    tensors = [image(k, c, g * a), tensor_of(k, 1, [*shape, *c['kernelSize']])]
    return tensors + ([tensor_of(k, 2, [g * b])] if c['bias'] else [])


def conv(k, c):
    f = F.conv1d if len(c['size']) == 1 else F.conv2d

    def run(x, weight, bias=None):
        pads = c['padding']
        if pads[0] in ('same', 'valid'):
            pads = pads[0]
        if c['paddingMode'] == 'zeros':
            return f(x, weight, bias, c['stride'], pads, c['dilation'], c['groups'])
        if pads == 'valid':
            around = [0, 0] * len(c['size'])
        elif pads == 'same':
            if any(s != 1 for s in c['stride']):
                raise RuntimeError('padding same needs stride 1')
            totals = [d * (n - 1) for d, n in zip(c['dilation'], c['kernelSize'])]
            around = [n for t in reversed(totals) for n in (t // 2, t - t // 2)]
        else:
            around = [p for p in reversed(pads) for _ in range(2)]
        return f(F.pad(x, around, mode=c['paddingMode']), weight, bias, c['stride'], 0, c['dilation'], c['groups'])
    return with_gradients(k, operands(k, c, False), run)


def conv_transpose(k, c):
    f = F.conv_transpose1d if len(c['size']) == 1 else F.conv_transpose2d
    return with_gradients(k, operands(k, c, True), lambda x, weight, bias=None: f(
        x, weight, bias, c['stride'], c['padding'], c['outputPadding'], c['groups'], c['dilation']))


def interpolate(k, c):
    x = image(k, {**c, 'batch': [2]}, 2).to(torch.float32 if c['single'] else torch.float64)
    options = {'mode': ('linear' if len(c['size']) == 1 else 'bilinear') if c['smooth'] else 'nearest'}
    if c['smooth']:
        options['align_corners'] = c['alignCorners']
    if 'to' in c:
        options['size'] = c['to']
    else:
        options['scale_factor'], options['recompute_scale_factor'] = c['scaleFactor'], c['recomputeScaleFactor']
    if c['smooth'] or len(c['size']) > 1:
        return with_gradients(k, [x], lambda x: F.interpolate(x, **options))
    # PyTorch's gradient of sequences is not that of its values where the size stays or doubles.
    y, n = F.interpolate(x, **options), c['size'][0]
    taken = F.interpolate(torch.eye(n, dtype=x.dtype).reshape(1, n, n), **options)[0]
    return [y, tensor_of(k, 9, y.shape).to(x.dtype) @ taken.T]


def slice_(k, c):
    shape = [c['size'][0], 3] if c['dim'] == 0 else [2, c['size'][0]]
    part = slice(c['start'], c['end'], c['step'])
    return with_gradients(k, [tensor_of(k, 0, shape)], lambda x: x[part] if c['dim'] == 0 else x[:, part])


def split(k, c):
    shape = [c['size'][0], 3] if c['dim'] == 0 else [2, c['size'][0]]
    x = [tensor_of(k, 0, shape)]
    if 'chunks' in c:
        return with_gradients(k, x, lambda x: x.chunk(c['chunks'], c['dim']))
    sizes = c['length'] if 'length' in c else [c['first'], c['second'], c['size'][0] - c['first'] - c['second'] + c['extra']]
    return with_gradients(k, x, lambda x: x.split(sizes, c['dim']))


def pad(k, c):
    amounts = [n for pair in reversed(list(zip(c['before'], c['after']))) for n in pair]
    x = tensor_of(k, 0, [*c['outer'], *c['size']])
    return with_gradients(k, [x], lambda x: F.pad(x, amounts, value=c['value']))


def unfold(k, c):
    return with_gradients(k, [image(k, c, c['channels'])], lambda x: F.unfold(
        x, c['kernelSize'], c['dilation'], c['padding'], c['stride']))


def pixel_shuffle(k, c):
    return with_gradients(k, [image(k, c, c['channels'])], lambda x: F.pixel_shuffle(x, c['upscaleFactor']))


SIX = [1, 2, 3, 4, 5, 6]
SIZE, KERNEL, STRIDE, DILATION = ('size', SIX), ('kernelSize', SIX), ('stride', SIX), ('dilation', SIX)
OWN_STRIDE = ('stride', [None, *SIX])
PLANES = [('batch', [[], [1], [2]]), ('channels', [1, 2, 3])]
FLAGS = [False, True]
POOL = [SIZE, KERNEL, OWN_STRIDE, ('padding', [0, 1, 2, 3]), ('ceilMode', FLAGS)]
GROUPS = [('batch', [[], [1], [2]]), ('groups', [1, 1, 2, 3]), ('inPerGroup', [1, 2, 3]), ('outPerGroup', [1, 2, 3]),
          ('bias', FLAGS)]
ZEROS = ('paddingMode', ['zeros'])
MODES = ('paddingMode', ['reflect', 'replicate', 'circular'])
PADS = ('padding', [0, 1, 2, 3, 4, 5, 6])
WORDS = ('padding', ['same', 'valid'])
SCALES = ('scaleFactor', [0.2, 0.25, 0.3, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9, 0.99, 1, 1.01, 1.1, 1.2, 1.25, 1.3,
                          4 / 3, 1.4, 1.5, 1.6, 5 / 3, 1.7, 1.75, 1.9, 2, 2.1, 2.25, 2.4, 2.5, 2.7, 2.99, 3, 3.3, 4, 4.6])
TO = ('to', list(range(1, 14)))
RECOMPUTE = ('recomputeScaleFactor', FLAGS)
NEAREST = [('smooth', [False]), ('single', FLAGS)]
LINEAR = [('smooth', [True]), ('single', [False]), ('alignCorners', FLAGS)]
ENDS = [None, *range(-7, 8)]


def family(name, run, dims, full=(), drawn=(), cases=None):
    """`cases` are drawn, or all combinations of the full options."""
    return {'name': name, 'run': run, 'dims': dims, 'full': list(full), 'drawn': list(drawn),
            'cases': cases or math.prod(len(values) for _, values in full)}


FAMILIES = [
    family('maxPool1d', max_pool, 1, [*POOL, ('dilation', [1, 2, 3, 5])], PLANES),
    family('maxPool2d', max_pool, 2, [], [*POOL, ('dilation', [1, 1, 2, 3]), *PLANES], 6000),
    family('avgPool1d', avg_pool, 1, [*POOL, ('countIncludePad', FLAGS)], PLANES),
    family('avgPool2d', avg_pool, 2, [], [*POOL, ('countIncludePad', FLAGS), *PLANES,
                                          ('divisorOverride', [None, 1, 2, 3, 7])], 5000),
    family('adaptivePool1d', adaptive([F.adaptive_avg_pool1d], [F.adaptive_max_pool1d]), 1,
           [SIZE, ('outputSize', list(range(14))), ('kind', ['avg', 'max'])], PLANES),
    family('adaptivePool2d', adaptive([None, F.adaptive_avg_pool2d], [None, F.adaptive_max_pool2d]), 2, [],
           [SIZE, ('outputSize', [None, *range(10)]), ('kind', ['avg', 'max']), *PLANES], 1000),
    family('conv1d', conv, 1, [SIZE, KERNEL, STRIDE, PADS, ('dilation', [1, 2, 3, 4])], [ZEROS, *GROUPS]),
    family('conv1d in words', conv, 1, [SIZE, KERNEL, ('stride', [1, 2]), WORDS, DILATION], [ZEROS, *GROUPS]),
    family('conv1d with a mode', conv, 1, [SIZE, KERNEL, PADS, MODES], [STRIDE, DILATION, *GROUPS]),
    family('conv1d in words with a mode', conv, 1, [SIZE, KERNEL, WORDS, MODES], [('stride', [1, 1, 2]), DILATION, *GROUPS]),
    family('conv2d', conv, 2, [], [SIZE, KERNEL, STRIDE, PADS, ('dilation', [1, 1, 1, 2, 3]), ZEROS, *GROUPS], 5000),
    family('conv2d of 3 × 3', conv, 2, [], [SIZE, ('kernelSize', [3]), ('stride', [1]), ('padding', [0, 1, 2]),
                                            ('dilation', [1]), ZEROS, *GROUPS], 500),
    family('conv2d with a mode', conv, 2, [], [SIZE, ('kernelSize', [1, 2, 3, 4]), STRIDE, ('padding', [0, 1, 2, 3]),
                                               ('dilation', [1, 1, 2]), MODES, *GROUPS], 2000),
    family('convTranspose1d', conv_transpose, 1, [SIZE, KERNEL, ('stride', [1, 2, 3, 6]), ('padding', [0, 1, 2, 3, 4]),
                                                  ('outputPadding', [0, 1, 2, 3]), ('dilation', [1, 2, 5])], GROUPS),
    family('convTranspose2d', conv_transpose, 2, [], [SIZE, KERNEL, STRIDE, ('padding', [0, 0, 1, 2, 3, 6]),
                                                      ('outputPadding', [0, 0, 0, 1, 2, 3]), ('dilation', [1, 1, 2, 4]),
                                                      *GROUPS], 5000),
    family('interpolate1d nearest to a size', interpolate, 1, [SIZE, TO, *NEAREST]),
    family('interpolate1d nearest by a factor', interpolate, 1, [SIZE, SCALES, RECOMPUTE, *NEAREST]),
    family('interpolate1d linear to a size', interpolate, 1, [SIZE, TO, *LINEAR]),
    family('interpolate1d linear by a factor', interpolate, 1, [SIZE, SCALES, RECOMPUTE, *LINEAR]),
    family('interpolate2d nearest to a size', interpolate, 2, [], [SIZE, TO, *NEAREST], 1000),
    family('interpolate2d nearest by a factor', interpolate, 2, [], [SIZE, SCALES, RECOMPUTE, *NEAREST], 3000),
    family('interpolate2d bilinear to a size', interpolate, 2, [], [SIZE, TO, *LINEAR], 1000),
    family('interpolate2d bilinear by a factor', interpolate, 2, [], [SIZE, SCALES, RECOMPUTE, *LINEAR], 3000),
    family('slice', slice_, 1, [SIZE, ('start', ENDS), ('end', ENDS), ('step', [1, 2, 3, 6])], [('dim', [0, 1])]),
    family('split', split, 1, [('size', [0, *SIX]), ('length', list(range(8))), ('dim', [0, 1])]),
    family('split into sizes', split, 1, [SIZE, ('first', [0, 1, 2, 3, 5]), ('second', [0, 1, 2, 4]), ('extra', [0, 0, 0, 1])],
           [('dim', [0, 1])]),
    family('chunk', split, 1, [('size', [0, *SIX]), ('chunks', list(range(9))), ('dim', [0, 1])]),
    family('pad', pad, 1, [SIZE, ('before', list(range(-6, 7))), ('after', list(range(-6, 7)))],
           [('outer', [[], [2], [2, 3]]), ('value', [0, 3])]),
    family('pad of two dimensions', pad, 2, [], [SIZE, ('before', [-2, -1, 0, 1, 2, 5]), ('after', [-2, -1, 0, 1, 3]),
                                                 ('outer', [[], [2], [0], [2, 2]]), ('value', [0, 3])], 1000),
    family('unfold', unfold, 2, [], [SIZE, ('kernelSize', [1, 1, 2, 2, 3, 4, 5, 6]), STRIDE, PADS, ('dilation', [1, 1, 2, 3]),
                                     *PLANES], 4000),
    family('pixelShuffle', pixel_shuffle, 2, [], [('size', [1, 2, 3]), ('channels', [1, 2, 4, 8, 9, 18, 36]),
                                                  ('upscaleFactor', [1, 2, 3, 6]), ('batch', [[], [1], [2]])], 300),
]


NAMES = ['conv2d', 'convTranspose2d', 'maxPool2d', 'avgPool2d', 'adaptiveAvgPool2d', 'adaptiveMaxPool2d', 'interpolate',
         'unfold', 'pixelShuffle', 'instanceNorm', 'conv1d', 'convTranspose1d', 'maxPool1d', 'avgPool1d', 'adaptiveAvgPool1d',
         'adaptiveMaxPool1d']


def edge_cases():
    for name in NAMES:
        spatial = [4] if name.endswith('1d') else [4, 4]
        weights = {'conv': [[3, 4], [3, 0]], 'convTranspose': [[4, 3], [0, 3]]}.get(name[:-2], [None])
        args = [] if name in ('conv1d', 'conv2d', 'convTranspose1d', 'convTranspose2d', 'interpolate', 'instanceNorm') else [2]
        sizes = [{'size': 3}, {'scaleFactor': 1.5}, {'scaleFactor': 0.1}, {'size': 3, 'mode': 'bilinear'}]
        for head in ([0, 4], [0], [4], [2, 0], [0, 0]):
            for body in (spatial, [0, *spatial[1:]]):
                for weight in weights:
                    for options in sizes if name == 'interpolate' else [{}]:
                        shapes = [head + body] + ([] if weight is None else [weight + [3] * len(spatial)])
                        if len(head) + 1 == len(spatial) and name == 'instanceNorm':
                            continue  # a single image: the layer takes it, the function does not
                        yield {'name': name, 'shapes': shapes, 'args': args, 'options': options}


def edge(case):
    snake = {re.sub('([A-Z])', r'_\1', k).lower(): v for k, v in case['options'].items()}
    f = getattr(F, re.sub('([A-Z])', r'_\1', case['name']).lower())
    try:
        result = list(f(*(torch.ones(shape) for shape in case['shapes']), *case['args'], **snake).shape)
    except (RuntimeError, ValueError, NotImplementedError):
        result = None
    return {**case, 'result': result}


def code(family, k):
    case = options_of(family, k)
    try:
        return hash_of(family['run'](k, case))
    except (RuntimeError, ValueError):
        return '..'


def encoded(family):
    codes = ''.join(code(family, k) for k in range(family['cases']))
    print(f'{family["name"]}: {family["cases"]} cases, {codes.count("..")} refused')
    return {'codes': codes, **{k: v for k, v in family.items() if k != 'run'}}


if __name__ == '__main__':
    torch.set_num_threads(1)
    write('grid.json', {'families': [encoded(f) for f in FAMILIES], 'edges': [edge(c) for c in edge_cases()]})
