"""Makes nn_utils.json: functions of torch.nn.utils.

`fuse`: a layer and the batch norm behind it, in evaluation, fused. `bn` holds the batch norm's state, which together with
`state`, the layer's, gives `weight`, `bias` and the output for `input`. Run with PyTorch 2.15.
"""
import torch
from torch import nn

from common import encode, write

torch.manual_seed(5)


def filled(module, dtype):
    """A module whose parameters and running statistics are drawn at random, the variances positive."""
    for name, t in module.state_dict().items():
        if t.is_floating_point():
            t.copy_(torch.rand(t.shape) + 0.5 if name.endswith('var') else torch.randn(t.shape))
    return module.to(dtype).eval()


def state(module):
    return {k: encode(v) for k, v in module.state_dict().items()}


def fuse(layer, layer_args, bn, bn_args, shape, dtype, transpose=False):
    first = filled(getattr(nn, layer)(*layer_args), dtype)
    second = filled(getattr(nn, bn)(*bn_args), dtype)
    x = torch.randn(shape, dtype=dtype)
    if layer == 'Linear':
        one = nn.utils.fusion.fuse_linear_bn_eval(first, second)
    else:
        one = nn.utils.fusion.fuse_conv_bn_eval(first, second, transpose)
    return {
        'layer': layer, 'args': layer_args, 'bn': bn, 'bnArgs': bn_args, 'transpose': transpose, 'state': state(first),
        'bnState': state(second), 'input': encode(x), 'weight': encode(one.weight), 'bias': encode(one.bias),
        'output': encode(one(x))}


F32, F64 = torch.float32, torch.float64
fused = [
    fuse('Conv1d', [2, 3, 2], 'BatchNorm1d', [3], (2, 2, 4), F64),
    fuse('Conv2d', [4, 6, 2, 1, 1, 1, 2, False], 'BatchNorm2d', [6, 0.01], (1, 4, 3, 3), F64),
    fuse('Conv2d', [2, 3, 2], 'BatchNorm2d', [3, 1e-3, 0.1, False], (2, 2, 3, 3), F32),
    fuse('Conv3d', [1, 2, 2], 'BatchNorm3d', [2], (1, 1, 3, 2, 2), F64),
    fuse('ConvTranspose1d', [3, 2, 2], 'BatchNorm1d', [2], (2, 3, 3), F64, True),
    fuse('ConvTranspose2d', [2, 3, 2, 2], 'BatchNorm2d', [3], (1, 2, 2, 2), F32, True),
    fuse('Linear', [3, 4], 'BatchNorm1d', [4], (5, 3), F64),
    fuse('Linear', [3, 2, False], 'BatchNorm1d', [2], (2, 3), F32),
    fuse('Linear', [3, 4], 'BatchNorm1d', [1], (2, 1, 3), F64),
]
write('nn_utils.json', {'fuse': fused})
