"""Makes volumes.json with PyTorch 2.15: layers over volumes, and power pooling of all ranks,
in the form of conv.json (see make_conv.py). Batch and instance
norms run in training, and `state` is that before.
"""
import torch
from torch import nn

from common import FLOATS, camel, encode, write


def upstream_for(output):
    return torch.sin(torch.arange(output.numel(), dtype=torch.float64)).to(output.dtype).view_as(output)


CASES = [
    ('Conv3d', (2, 3, 2), {}, (1, 2, 3, 3, 4)),
    ('Conv3d', (2, 4, (3, 1, 2)), {'stride': (2, 1, 1), 'padding': (1, 0, 1), 'groups': 2}, (1, 2, 5, 2, 3)),
    ('Conv3d', (2, 2, (2, 3, 1)), {'padding': 'same', 'groups': 2, 'bias': False, 'dilation': (2, 1, 1)}, (2, 4, 3, 2)),
    ('Conv3d', (1, 2, 2), {'padding': 1, 'padding_mode': 'replicate', 'stride': 2}, (1, 1, 3, 4, 2)),
    ('Conv3d', (1, 1, (2, 3, 2)), {'padding': 'same', 'padding_mode': 'circular'}, (1, 1, 3, 3, 3)),
    ('Conv3d', (1, 1, 2), {'padding': (2, 1, 1), 'padding_mode': 'reflect', 'stride': (3, 2, 1)}, (1, 1, 4, 3, 2)),
    ('ConvTranspose3d', (2, 3, 2), {}, (1, 2, 2, 3, 2)),
    ('ConvTranspose3d', (4, 4, (3, 2, 1)), {'stride': 2, 'padding': (1, 0, 0), 'output_padding': 1, 'groups': 2}, (1, 4, 2, 2, 2)),
    ('ConvTranspose3d', (2, 1, 2), {'stride': (1, 2, 1), 'dilation': (3, 1, 2), 'output_padding': (2, 1, 1), 'bias': False},
     (2, 2, 2, 2)),
    ('MaxPool3d', (2,), {}, (1, 2, 4, 3, 4)),
    ('MaxPool3d', (3,), {'stride': 2, 'padding': 1, 'dilation': (2, 1, 1)}, (1, 5, 4, 3)),
    ('MaxPool3d', ((2, 1, 3),), {'stride': (1, 2, 2), 'ceil_mode': True}, (1, 1, 3, 4, 4)),
    ('AvgPool3d', (2,), {}, (1, 2, 4, 3, 2)),
    ('AvgPool3d', (3,), {'stride': 2, 'padding': 1, 'ceil_mode': True}, (1, 1, 4, 3, 6)),
    ('AvgPool3d', ((3, 2, 1),), {'padding': (1, 1, 0), 'count_include_pad': False}, (1, 5, 3, 2)),
    ('AvgPool3d', (2,), {'divisor_override': 3, 'stride': 1}, (1, 1, 3, 2, 3)),
    ('AdaptiveAvgPool3d', (1,), {}, (1, 2, 3, 2, 2)),
    ('AdaptiveAvgPool3d', ((2, None, 3),), {}, (1, 1, 3, 2, 5)),
    ('AdaptiveMaxPool3d', ((2, 1, 3),), {}, (1, 2, 3, 2, 4)),
    ('LPPool1d', (2, 3), {'stride': 2, 'ceil_mode': True}, (1, 2, 6)),
    ('LPPool2d', (4, (2, 3)), {}, (1, 4, 6)),
    ('LPPool3d', (2, (2, 1, 2)), {'stride': 1}, (1, 1, 3, 2, 3)),
    ('LPPool3d', (1, 2), {'ceil_mode': True}, (2, 3, 2, 2)),
    ('BatchNorm3d', (2,), {}, (2, 2, 2, 1, 3)),
    ('InstanceNorm3d', (2,), {'affine': True}, (2, 2, 3, 2)),
    ('Upsample', (), {'scale_factor': (1.3, 2.4, 2.0)}, (1, 1, 5, 3, 2)),
    ('Upsample', (), {'size': (3, 2, 4)}, (1, 1, 2, 3, 2)),
    ('Upsample', (), {'scale_factor': (1.2, 1.6, 2.0), 'mode': 'trilinear'}, (1, 1, 3, 3, 2)),
    ('Upsample', (), {'size': (4, 3, 2), 'mode': 'trilinear', 'align_corners': True}, (1, 1, 3, 2, 3)),
]


def layer_case(name, args, options, shape, dtype):
    layer = getattr(nn, name)(*args, **options).to(dtype)
    state = {k: encode(v) for k, v in layer.state_dict().items()}
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    y = layer(x)
    y.backward(upstream_for(y))
    return {
        'name': name, 'args': args, 'options': {camel(k): v for k, v in options.items()}, 'state': state,
        'input': encode(x), 'output': encode(y), 'inputGradient': encode(x.grad),
        'gradients': {k: encode(v.grad) for k, v in layer.named_parameters()}}


torch.manual_seed(43)
write('volumes.json', {'layers': [layer_case(*case, dtype) for dtype in FLOATS.values() for case in CASES]})
