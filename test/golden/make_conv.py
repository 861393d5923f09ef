"""Makes conv.json: layers of convolution and pooling. `layers`: {name, args, options, state, input, output, upstream,
inputGradient, gradients}, with adjoint's option names. The upstream gradient is not stored: element i is
sin(i), as the test computes it too. `defaults`: the shapes of a new layer's parameters and the bounds that they are drawn
within.
"""
import math

import torch
from torch import nn

from common import FLOATS, camel, encode, write


def upstream_for(output):
    return torch.sin(torch.arange(output.numel(), dtype=torch.float64)).to(output.dtype).view_as(output)


CASES = [
    ('Conv2d', (2, 3, 3), {}, (1, 2, 4, 4)),
    ('Conv2d', (1, 2, 5), {'padding': 2}, (1, 1, 6, 7)),
    ('Conv2d', (2, 4, (3, 2)), {'stride': (2, 1), 'padding': (1, 0), 'groups': 2}, (1, 2, 7, 5)),
    ('Conv2d', (3, 3, 3), {'padding': 'same', 'groups': 3, 'bias': False, 'dilation': 2}, (1, 3, 5, 6)),
    ('Conv2d', (1, 9, 3), {'stride': 2, 'padding': 1}, (1, 1, 6, 6)),
    ('Conv2d', (2, 2, 3), {'padding': 2, 'padding_mode': 'reflect'}, (2, 4, 5)),
    ('Conv2d', (1, 2, 3), {'padding': 1, 'padding_mode': 'replicate', 'stride': 2}, (1, 1, 5, 4)),
    ('Conv2d', (1, 2, (2, 3)), {'padding': 'same', 'padding_mode': 'circular'}, (1, 1, 4, 5)),
    ('Conv1d', (2, 3, 3), {'padding': 1}, (2, 2, 6)),
    ('Conv1d', (2, 2, 4), {'padding': 'same', 'dilation': 2, 'padding_mode': 'reflect'}, (1, 2, 9)),
    ('Conv1d', (4, 4, 3), {'stride': 3, 'groups': 4, 'bias': False}, (4, 8)),
    ('ConvTranspose2d', (2, 3, 3), {}, (2, 2, 3, 3)),
    ('ConvTranspose2d', (4, 4, (3, 2)), {'stride': 2, 'padding': 1, 'output_padding': 1, 'groups': 2}, (1, 4, 3, 4)),
    ('ConvTranspose2d', (2, 1, 2), {'stride': (1, 3), 'dilation': (2, 1), 'bias': False}, (2, 2, 3)),
    ('ConvTranspose1d', (2, 3, 4), {'stride': 2, 'padding': 1, 'output_padding': 1}, (2, 2, 5)),
    ('MaxPool2d', (2,), {}, (1, 2, 4, 5)),
    ('MaxPool2d', (3,), {'stride': 2, 'padding': 1, 'dilation': 2}, (2, 7, 8)),
    ('MaxPool2d', ((2, 3),), {'stride': (1, 2), 'ceil_mode': True}, (1, 1, 5, 6)),
    ('MaxPool1d', (2,), {'padding': 1, 'ceil_mode': True}, (1, 2, 6)),
    ('AvgPool2d', (2,), {}, (1, 2, 4, 5)),
    ('AvgPool2d', (3,), {'stride': 2, 'padding': 1, 'ceil_mode': True}, (1, 1, 6, 8)),
    ('AvgPool2d', ((3, 2),), {'padding': (1, 0), 'count_include_pad': False}, (1, 5, 5)),
    ('AvgPool1d', (3,), {'stride': 2, 'padding': 1, 'count_include_pad': False, 'ceil_mode': True}, (1, 2, 6)),
    ('AdaptiveAvgPool2d', (1,), {}, (2, 2, 3, 4)),
    ('AdaptiveAvgPool2d', ((2, 3),), {}, (1, 1, 5, 7)),
    ('AdaptiveAvgPool1d', (4,), {}, (2, 6)),
    ('AdaptiveMaxPool2d', ((3, 2),), {}, (1, 2, 4, 5)),
    ('AdaptiveMaxPool1d', (2,), {}, (1, 2, 5)),
    ('Upsample', (), {'scale_factor': 2.0}, (1, 1, 2, 3)),
    ('Upsample', (), {'size': (3, 5)}, (1, 1, 4, 3)),
    ('Upsample', (), {'scale_factor': 1.6, 'mode': 'bilinear'}, (1, 1, 3, 4)),
    ('Upsample', (), {'size': (4, 3), 'mode': 'bilinear', 'align_corners': True}, (1, 1, 3, 4)),
    ('Upsample', (), {'scale_factor': 2.0, 'mode': 'linear'}, (1, 1, 4)),
    ('PixelShuffle', (2,), {}, (1, 4, 2, 2)),
    ('Unfold', (2,), {'padding': 1, 'stride': 2}, (1, 2, 3, 4)),
    ('Fold', ((3, 4), 2), {'padding': 1, 'stride': 2}, (1, 8, 6)),
    ('Fold', (4, (2, 3)), {'dilation': (2, 1)}, (6, 4)),
]


def layer_case(name, args, options, shape, dtype):
    layer = getattr(nn, name)(*args, **options).to(dtype)
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    y = layer(x)
    y.backward(upstream_for(y))
    return {
        'name': name, 'args': args, 'options': {camel(k): v for k, v in options.items()},
        'state': {k: encode(v) for k, v in layer.state_dict().items()}, 'input': encode(x), 'output': encode(y),
        'inputGradient': encode(x.grad), 'gradients': {k: encode(v.grad) for k, v in layer.named_parameters()}}


def defaults():
    out = []
    for name, args, options in (('Conv1d', (6, 400, 5), {'groups': 2}), ('Conv2d', (3, 500, (3, 2)), {}),
                                ('ConvTranspose1d', (40, 60, 4), {}), ('ConvTranspose2d', (30, 60, 2), {'groups': 3})):
        layer = getattr(nn, name)(*args, **options)
        fan = math.prod(layer.weight.shape[1:])
        for p in layer.parameters():
            assert 0.9 / math.sqrt(fan) < p.abs().max().item() <= 1 / math.sqrt(fan) * (1 + 1e-6)
        out.append({'name': name, 'args': args, 'options': options, 'bound': 1 / math.sqrt(fan),
                    'shapes': {k: list(v.shape) for k, v in layer.state_dict().items()}})
    return out


torch.manual_seed(41)
layers = [layer_case(*case, dtype) for dtype in FLOATS.values() for case in CASES]
write('conv.json', {'layers': layers, 'defaults': defaults()})
